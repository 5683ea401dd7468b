import { formatSince, formatSpan, plural } from '../model/format.js';
import type { Link } from '../model/target.js';
import type { WaitLine } from '../model/waits.js';
import { nowMs } from '../page/state.js';
import { moment } from '../page/times.js';
import { commandLine, waitCommand } from '../model/copied-command.js';
import { MatterActions, Severity } from './matter-row.js';
import { useInSteps } from './in-steps.js';
import { PlaceLink } from './link.js';
import { Text } from './primitives.js';

/** The lines that get new elements in one task. */
const NEW_LINES = 6;
/** The most waiters that are named. */
const MAX_NAMED = 3;

/** Lines of who waits for whom. @param isShort in a narrow place, where the actions would not fit. */
export function WaitLines({ lines, isShort = false }: { lines: readonly WaitLine[]; isShort?: boolean }) {
  const shown = useInSteps(lines, NEW_LINES);
  return (
    <ul class={`wait-lines${isShort ? ' short' : ''}`}>
      {shown.map((line) => (
        <li key={line.key} class={`matter ${line.severity}`} style={{ '--depth': String(Math.min(8, line.depth)) }}>
          <Severity severity={line.severity} />
          <div class="matter-text">
            <WaitGraph line={line} />
            <WaitFacts line={line} />
          </div>
          {isShort ? null : (
            <MatterActions open={openOf(line)} runs={runsOf(line)} command={commandLine(waitCommand(line))} />
          )}
        </li>
      ))}
    </ul>
  );
}

/** `agent-7 → src/auth.ts::verifyToken ← agent-1` */
export function WaitGraph({ line: { waiters, wanted, by, holder } }: { line: WaitLine }) {
  const more = waiters.length - MAX_NAMED;
  return (
    <span class="wait-graph">
      {waiters.slice(0, more === 1 ? waiters.length : MAX_NAMED).map(({ run, record }, i) => (
        <span key={record}>
          {i === 0 ? '' : ', '}
          <RunLink run={run} />
        </span>
      ))}
      {more > 1 ? <b> and {plural(more, 'other')}</b> : null} <span aria-label="waits for">→</span>{' '}
      {by === 'intent' ? (
        <PlaceLink to={{ view: 'symbols', target: { type: 'address', address: wanted[0]! } }}>
          <Text value={wanted[0]!} max={64} middle />
        </PlaceLink>
      ) : (
        <>
          task <Text value={wanted[0]!} max={48} middle />
        </>
      )}
      {wanted.length > 1 ? <span class="muted"> +{wanted.length - 1}</span> : null} <span aria-label="held by">←</span>{' '}
      <RunLink run={holder} />
    </span>
  );
}

function RunLink({ run }: { run: string }) {
  if (run === '') return <span class="muted">no run</span>;
  return (
    <PlaceLink class="run" to={{ view: 'agents', target: { type: 'run', run } }}>
      <Text value={run} max={32} middle />
    </PlaceLink>
  );
}

function WaitFacts({ line }: { line: WaitLine }) {
  const { waiters, by, endMs, leaseState, sinceBeatMs, silentMs, isCycle, isMergeOnly } = line;
  const waitedMs = waiters[0]?.waitedMs;
  const facts = [
    waitedMs === undefined ? 'waiting, since when is unknown' : `waiting ${formatSpan(waitedMs)}`,
    by === 'dependency' ? 'until the task is done' : untilWords(endMs, leaseState, nowMs.value),
    by === 'dependency'
      ? undefined
      : sinceBeatMs === undefined
        ? 'no heartbeat'
        : `last heartbeat ${formatSince(sinceBeatMs)}`,
  ].filter((fact) => fact !== undefined);
  return (
    <span class="wait-facts">
      {facts.join(' · ')}
      {silentMs === undefined ? null : (
        <strong class="alarm"> · holder silent{Number.isFinite(silentMs) ? ` for ${formatSpan(silentMs)}` : ''}</strong>
      )}
      {isCycle ? <strong class="alarm"> · deadlock: they wait for one another</strong> : null}
      {isMergeOnly ? <span> · other branch: matters only at a merge</span> : null}
    </span>
  );
}

/** When a lease ends: the time, and how long that is. */
export function untilWords(endMs: number | undefined, state: string | undefined, now: number): string {
  if (endMs === undefined || state === 'unknown') return 'until an unknown time';
  const leftMs = endMs - now;
  return leftMs < 0
    ? `ended ${moment(endMs)}`
    : `until ${moment(endMs)} (${leftMs < 1_000 ? '< 1 s' : formatSpan(leftMs)} left)`;
}

const runsOf = ({ waiters, holder }: WaitLine): string[] =>
  [...new Set([holder, ...waiters.slice(0, 12).map(({ run }) => run)])].filter((run) => run !== '');

const openOf = ({ by, wanted, blockedBy }: WaitLine): Link =>
  by === 'intent'
    ? { view: 'symbols', target: { type: 'address', address: wanted[0]! } }
    : { view: 'stream', target: { type: 'record', key: blockedBy } };

/** The line in one row of a list. */
export function ShortWait({ line }: { line: WaitLine }) {
  const { wanted, holder, waiters } = line;
  const waitedMs = waiters[0]?.waitedMs;
  return (
    <span class={`short-wait ${line.severity}`}>
      → <Text value={wanted[0]!} max={40} middle /> ←{' '}
      <b>{holder === '' ? 'no run' : <Text value={holder} max={24} middle />}</b>
      {waitedMs === undefined ? '' : ` · waiting ${formatSpan(waitedMs)}`}
    </span>
  );
}
