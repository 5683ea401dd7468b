import { parseTimestamp, recordKey, type LeaseState, type Swarm, type Wait } from '../../../protocol/index.js';
import { presenceAfter, type Agent } from './agents.js';
import type { RecordKey } from './entry.js';
import type { Lease } from './lease.js';
import { momentAt, swarmOf } from './swarm-of.js';
import type { ReplayedState } from './replayed-state.js';
import type { Severity } from './severity.js';

/** A run that waits, and the record that says so. */
export interface Waiter {
  readonly run: string;
  readonly branch: string;
  readonly record: RecordKey;
  /** `undefined`: the records do not say since when. */
  readonly waitedMs: number | undefined;
}

/** Runs that wait for one lease or claim of another run. */
export interface WaitLine {
  /** Identifies the line. It stays the same as time passes. */
  readonly key: string;
  readonly severity: Severity;
  /** The longest wait first. */
  readonly waiters: readonly Waiter[];
  /** The addresses, or the tasks, that they wait for. At least one. */
  readonly wanted: readonly string[];
  readonly by: Wait['by'];
  readonly holder: string;
  /** The reservation, or the claim, that blocks them. */
  readonly blockedBy: RecordKey;
  /** `undefined` for a claim, which has no lease. */
  readonly leaseState: LeaseState | undefined;
  /** When the lease ends; `undefined` if that is not known. */
  readonly endMs: number | undefined;
  readonly sinceBeatMs: number | undefined;
  /** How long the holder has caused no event, if that is too long. */
  readonly silentMs: number | undefined;
  /** Whether they meet only in a merge, because they are on different branches. */
  readonly isMergeOnly: boolean;
  /** Whether the line is part of a cycle, so that none of its runs can go on. */
  readonly isCycle: boolean;
  /** 0 for a line that nobody waits behind; a line that holds up the waiters of another is one deeper. */
  readonly depth: number;
}

type FlatLine = Omit<WaitLine, 'depth'>;

/** Returns who waits for whom: a silent holder first, then the longest wait; a chain follows its first line, each link one deeper. */
export function waitLinesOf(
  replayed: ReplayedState,
  leases: readonly Lease[],
  agents: readonly Agent[],
  nowMs: number,
): WaitLine[] {
  const swarm = swarmOf(replayed);
  const waits = swarm.waits(momentAt(replayed, nowMs));
  if (waits.length === 0) return [];
  const leaseOf = new Map(leases.map((lease) => [lease.lease.reservation, lease]));
  const agentOf = new Map(agents.map((agent) => [agent.run, agent]));
  const since = beginningsOf(swarm, replayed, nowMs);
  const inCycle = edgesOf(swarm.deadlocks(momentAt(replayed, nowMs)));
  const lines = [...grouped(waits).values()].map((group): FlatLine => {
    const first = group[0]!;
    const lease = first.by === 'intent' ? leaseOf.get(first.blockedBy) : undefined;
    const waiters = waitersOf(group, lease, since, nowMs);
    const holder = first.for ?? '';
    const agent = agentOf.get(holder);
    const isCycle = group.some(({ run, for: other }) => inCycle.has(edge(run, other)));
    const isMergeOnly = group.every(({ isSameBranch }) => !isSameBranch);
    const isSilent = presenceAfter(agent?.silentMs) === 'silent' || lease?.state === 'suspect';
    return {
      key: `wait ${first.by} ${first.blockedBy} ${first.wanted}`,
      severity: isCycle || (isSilent && !isMergeOnly) ? 'critical' : isMergeOnly ? 'info' : 'warning',
      waiters,
      wanted: [...new Set(group.map(({ wanted }) => wanted))],
      by: first.by,
      holder,
      blockedBy: recordKey(
        first.by === 'intent' ? 'reservation' : claimOrTask(replayed, first.blockedBy),
        first.blockedBy,
      ),
      leaseState: lease?.state,
      endMs: lease?.endMs,
      sinceBeatMs: lease?.lease.lastBeatAt === undefined ? undefined : Math.max(0, nowMs - lease.lease.lastBeatAt),
      silentMs: isSilent ? (agent?.silentMs ?? Infinity) : undefined,
      isMergeOnly,
      isCycle,
    };
  });
  return inChains(mergeWanted(lines).sort(byUrgency));
}

/** The lines that a run waits in. */
export const waitsOf = (lines: readonly WaitLine[], run: string): WaitLine[] =>
  lines.filter(({ waiters }) => waiters.some((waiter) => waiter.run === run));

/** The lines that a run holds up. */
export const blockedBy = (lines: readonly WaitLine[], run: string): WaitLine[] =>
  lines.filter(({ holder }) => holder === run);

const claimOrTask = (replayed: ReplayedState, id: string): 'claim' | 'task' =>
  replayed.get('claim', id) ? 'claim' : 'task';

function grouped(waits: readonly Wait[]): Map<string, Wait[]> {
  const groups = new Map<string, Wait[]>();
  for (const wait of waits) {
    const key = `${wait.by}\n${wait.blockedBy}\n${wait.wanted}`;
    const group = groups.get(key);
    if (group) group.push(wait);
    else groups.set(key, [wait]);
  }
  return groups;
}

/** Joins the lines of the same runs at the same lease: one intent may name many addresses. */
function mergeWanted(lines: readonly FlatLine[]): FlatLine[] {
  const merged = new Map<string, FlatLine>();
  for (const line of lines) {
    const key = `${line.blockedBy}\n${line.waiters.map(({ record }) => record).join('\n')}`;
    const known = merged.get(key);
    merged.set(key, known ? { ...known, wanted: [...new Set([...known.wanted, ...line.wanted])] } : line);
  }
  return [...merged.values()];
}

/** When each intent was announced, and when each waiting task was claimed. */
function beginningsOf(swarm: Swarm, replayed: ReplayedState, nowMs: number): Map<string, number | undefined> {
  const since = new Map<string, number | undefined>();
  for (const { id, createdAt } of swarm.intents(momentAt(replayed, nowMs)))
    since.set(recordKey('intent', id), createdAt);
  for (const { id, claim } of swarm.tasks(momentAt(replayed, nowMs))) {
    const data = claim === undefined ? undefined : replayed.get('claim', claim)?.data;
    since.set(recordKey('task', id), parseTimestamp(data?.['claimed_at'] ?? data?.['created_at']));
  }
  return since;
}

function waitersOf(
  group: readonly Wait[],
  lease: Lease | undefined,
  since: ReadonlyMap<string, number | undefined>,
  nowMs: number,
): Waiter[] {
  return group
    .map(({ run, branch, by, record }): Waiter => {
      const key = recordKey(by === 'intent' ? 'intent' : 'task', record);
      const beganMs = since.get(key);
      // Nobody waits for a lease before it exists.
      const waitedMs =
        beganMs === undefined ? undefined : Math.max(0, nowMs - Math.max(beganMs, lease?.lease.createdAt ?? -Infinity));
      return { run: run ?? '', branch: branch ?? '', record: key, waitedMs };
    })
    .sort((a, b) => (b.waitedMs ?? -1) - (a.waitedMs ?? -1) || (a.run < b.run ? -1 : 1));
}

const edge = (run: string | undefined, other: string | undefined): string => JSON.stringify([run, other]);

function edgesOf(cycles: readonly (readonly string[])[]): Set<string> {
  return new Set(cycles.flatMap((cycle) => cycle.map((run, i) => edge(run, cycle[(i + 1) % cycle.length]))));
}

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };
const longest = ({ waiters }: FlatLine): number => waiters[0]?.waitedMs ?? -1;

const byUrgency = (a: FlatLine, b: FlatLine): number =>
  Number(a.silentMs === undefined) - Number(b.silentMs === undefined) ||
  RANK[a.severity] - RANK[b.severity] ||
  longest(b) - longest(a) ||
  (a.key < b.key ? -1 : 1);

/** Puts behind each line those that its holder waits in. A cycle begins at its most urgent line. */
function inChains(lines: readonly FlatLine[]): WaitLine[] {
  const placed = new Set<FlatLine>();
  const found: WaitLine[] = [];
  const waitsIn = new Map<string, FlatLine[]>();
  for (const line of lines) {
    for (const { run } of line.waiters) waitsIn.set(run, [...(waitsIn.get(run) ?? []), line]);
  }
  const place = (start: FlatLine): void => {
    // With a list instead of recursion, because a chain may be as long as a swarm is large.
    const next: { readonly line: FlatLine; readonly depth: number }[] = [{ line: start, depth: 0 }];
    for (let top = next.pop(); top; top = next.pop()) {
      const { line, depth } = top;
      if (placed.has(line)) continue;
      placed.add(line);
      found.push({ ...line, depth });
      if (line.holder === '') continue;
      for (const behind of (waitsIn.get(line.holder) ?? []).toReversed()) next.push({ line: behind, depth: depth + 1 });
    }
  };
  const holders = new Set(lines.map(({ holder }) => holder));
  const isBegin = ({ waiters }: FlatLine): boolean => waiters.every(({ run }) => run === '' || !holders.has(run));
  // A silent holder is not put behind those whom it holds up, and a cycle has no beginning.
  for (const line of lines) if (isBegin(line) || line.silentMs !== undefined || line.isCycle) place(line);
  for (const line of lines) place(line);
  return found;
}
