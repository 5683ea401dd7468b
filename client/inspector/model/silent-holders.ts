import { SILENT_AFTER_MS, type Agent } from './agents.js';
import { formatSpan, plural } from './format.js';
import { isHeld, type Lease } from './lease.js';
import { LAPSING_WITHIN_MS, short, where, type Attention, type Situation } from './matter.js';
import { blockedBy } from './waits.js';

/**
 * Reports runs that have caused no event for too long and hold leases that do not end soon: the others would wait for all that time. A lease
 * that ends soon is reported as such.
 */
export function silentHolders({ agents, waits, nowMs }: Situation): Attention[] {
  return agents.flatMap((agent) => {
    const held = agent.leases.filter(isHeld);
    const last = latestEnd(held);
    const leftMs = (last?.endMs ?? Infinity) - nowMs;
    if (!last || leftMs <= LAPSING_WITHIN_MS || !isSilent(agent, held)) return [];
    const { run, silentMs } = agent;
    const waiting = new Set(blockedBy(waits, run).flatMap(({ waiters }) => waiters.map((waiter) => waiter.run)));
    const silence = silentMs === undefined ? 'was never heard from' : `has been silent for ${formatSpan(silentMs)}`;
    const what = held.length === 1 ? where(last) : `${where(last)}, of ${plural(held.length, 'lease')}`;
    const blocks =
      waiting.size === 0 ? '' : `; ${plural(waiting.size, 'run')} ${waiting.size === 1 ? 'waits' : 'wait'} for it`;
    return {
      key: `silent holder ${run}`,
      about: 'silent holder',
      subject: short(run),
      severity: waiting.size > 0 ? 'critical' : 'warning',
      // Above every other matter of its severity; the longest lease first.
      weight: 10_000 + Math.min(leftMs / 1_000, 1e9),
      text: `${short(run)} ${silence} and holds ${what}${blocks}`,
      ...(last.endMs === undefined ? {} : { endMs: last.endMs }),
      link: { view: 'agents', target: { type: 'run', run } },
      runs: [run, ...waiting],
      command: ['watch', '--run-id', run],
    };
  });
}

/** A holder whose heartbeats have stopped is silent too, whatever else its records say. */
const isSilent = ({ silentMs = Infinity }: Agent, held: readonly Lease[]): boolean =>
  silentMs > SILENT_AFTER_MS || held.every(({ state }) => state === 'suspect');

const latestEnd = (held: readonly Lease[]): Lease | undefined =>
  held.toSorted((a, b) => (b.endMs ?? Infinity) - (a.endMs ?? Infinity))[0];
