import { unixMillis, type UnixMillis } from '../brand.js';
import { describeIntent, type Intent } from './intents.js';
import { endOf, isHeld, type Lease } from './leases.js';
import { isHistory, type Moment } from './moment.js';
import type { Sign } from './signs.js';

/**
 * `suspect`: the agent holds leases, but has gone silent. `lapsed`: it holds nothing, and a lease of it ran out recently without a release.
 * `history`: it holds nothing, and everything it did ended long ago.
 */
export type AgentState = 'holding' | 'suspect' | 'lapsed' | 'idle' | 'history';

/** A run, as its records describe it. */
export interface Agent {
  /** `undefined` for records that name no run; they form one agent together. */
  readonly run: string | undefined;
  /** The branches of its held leases, or else of its latest record; sorted. */
  readonly branches: readonly string[];
  readonly state: AgentState;
  /** The held leases, the first to end first. */
  readonly held: readonly Lease[];
  /** Its lapsed leases that are not history. */
  readonly lapsed: readonly Lease[];
  /** The latest time in any of its records, but never in the future. */
  readonly seenAt: UnixMillis | undefined;
  readonly silentMs: number | undefined;
  /** What the run does, in its own words, if it has announced it. */
  readonly doing: string | undefined;
}

/** Orders leases by their end, then by id. A lease without a known end comes last. */
export const byEnd = (a: Lease, b: Lease): number =>
  (a.effectiveExpiry ?? Infinity) - (b.effectiveExpiry ?? Infinity) || (a.reservation < b.reservation ? -1 : 1);

interface Gathered {
  readonly leases: Lease[];
  readonly intents: Intent[];
  seenAt: UnixMillis | undefined;
  branch: string | undefined;
  branchAt: number;
}

/** Returns all runs, sorted by name. */
export function agentsOf(
  leases: readonly Lease[],
  intents: readonly Intent[],
  signs: Iterable<Sign>,
  moment: Moment,
): Agent[] {
  const runs = new Map<string | undefined, Gathered>();
  const gathered = (run: string | undefined): Gathered => {
    const known = runs.get(run) ?? {
      leases: [],
      intents: [],
      seenAt: undefined,
      branch: undefined,
      branchAt: -Infinity,
    };
    runs.set(run, known);
    return known;
  };
  for (const { run, branch, saidAt } of signs) {
    const known = gathered(run);
    // A time in the future comes from a clock that is ahead; it counts as now.
    const seenAt = saidAt === undefined ? undefined : unixMillis(Math.min(saidAt, moment.now));
    if (seenAt !== undefined && seenAt > (known.seenAt ?? -Infinity)) known.seenAt = seenAt;
    const at = seenAt ?? -Infinity;
    const isNewer = at > known.branchAt || (at === known.branchAt && branch! < (known.branch ?? '\uffff'));
    if (branch === undefined || !isNewer) continue;
    known.branch = branch;
    known.branchAt = at;
  }
  for (const lease of leases) gathered(lease.run).leases.push(lease);
  for (const intent of intents) gathered(intent.run).intents.push(intent);
  return [...runs]
    .map(([run, known]) => toAgent(run, known, moment))
    .sort((a, b) => ((a.run ?? '') < (b.run ?? '') ? -1 : 1));
}

function toAgent(run: string | undefined, known: Gathered, moment: Moment): Agent {
  const held = known.leases.filter(isHeld).sort(byEnd);
  const lapsed = known.leases
    .filter((lease) => lease.state === 'lapsed' && !isHistory(endOf(lease), moment))
    .sort(byEnd);
  const branches = new Set(held.map(({ branch }) => branch ?? known.branch ?? ''));
  return {
    run,
    branches: held.length > 0 ? [...branches].filter((name) => name !== '').sort() : known.branch ? [known.branch] : [],
    state: stateOf(held, lapsed, known, moment),
    held,
    lapsed,
    seenAt: known.seenAt,
    silentMs: known.seenAt === undefined ? undefined : moment.now - known.seenAt,
    doing: doingOf(held, known.intents),
  };
}

function stateOf(held: readonly Lease[], lapsed: readonly Lease[], known: Gathered, moment: Moment): AgentState {
  if (held.length > 0) return held.every(({ state }) => state === 'suspect') ? 'suspect' : 'holding';
  if (lapsed.length > 0) return 'lapsed';
  return isHistory(known.seenAt, moment) ? 'history' : 'idle';
}

/** Returns the words of the latest intent that is not done, by `created_at` and then by id; or else the operation of a lease. */
function doingOf(held: readonly Lease[], intents: readonly Intent[]): string | undefined {
  const latest = intents
    .filter(({ state }) => state.is !== 'done')
    .sort((a, b) => (b.createdAt ?? -Infinity) - (a.createdAt ?? -Infinity) || (a.id < b.id ? 1 : -1))
    .map(describeIntent)
    .find((words) => words !== undefined);
  if (latest !== undefined) return latest;
  const lease = held.find(({ operation }) => operation !== undefined);
  return lease && [lease.operation, lease.addresses[0]?.text].filter((word) => word !== undefined).join(' ');
}
