import { revision, unixMillis, type Filter } from '../../protocol/index.js';
import { FanOut } from '../../server/delivery/fan-out.js';
import type { Group } from '../../server/delivery/group.js';
import { DEFAULT_LIMITS } from '../../server/config/options.js';
import { RecordStore } from '../../server/store/record-store.js';
import type { StoreEvent } from '../../server/store/store-event.js';
import { cpuSeconds, runProgram } from '../program.js';
import { benchRecord } from '../record.js';

/**
 * `distinct`: each subscription asks for its own run. `shared`: all subscriptions share a hundred filters. `globs`: each asks for its own
 * subtree. `transitions`: as `distinct`, and each event moves a record from one run to another.
 */
export type FilterShape = 'distinct' | 'shared' | 'globs' | 'transitions';

export interface FilterPlan {
  readonly shape: FilterShape;
  readonly subscriptions: number;
}

export interface FilterCost {
  readonly indexedUs: number;
  /** Every filter is tested in turn, as without an index. */
  readonly linearUs: number;
}

/** How many of the subscriptions match every event. */
const MATCHING = 10;
const EVENTS = 20_000;
const WARM_UP_EVENTS = 20_000;
/** Bounds the tests of the scan: with many filters it is timed on fewer events. */
const LINEAR_LOOKS = 300_000;

/** Returns the filter of the nth subscription. The first {@link MATCHING} match. All differ, so that no two share a group. */
function filterOf(shape: FilterShape, n: number): Filter {
  const matches = n < MATCHING;
  switch (shape) {
    case 'distinct':
      return { run_ids: matches ? ['hot', `other-${String(n)}`] : [`run-${String(n)}`] };
    case 'transitions': {
      const side = n % 2 === 0 ? 'hot' : 'left';
      return { run_ids: matches ? [side, `other-${String(n)}`] : [`run-${String(n)}`] };
    }
    case 'shared':
      return { run_ids: matches ? ['hot'] : [`run-${String(n % 100)}`] };
    case 'globs':
      return { addresses: matches ? ['src/hot/**', `src/other-${String(n)}/**`] : [`src/part-${String(n)}/**`] };
  }
}

/** Returns changes of one record that {@link MATCHING} filters match. */
function changes(shape: FilterShape, count: number): StoreEvent[] {
  const store = new RecordStore();
  const at = unixMillis(Date.now());
  return Array.from({ length: count }, (_, seq) => {
    const run_id = shape === 'transitions' && seq % 2 === 0 ? 'left' : 'hot';
    const data = { ...benchRecord('hot', seq), run_id, addresses: [`src/hot/module.py::function_${String(seq)}`] };
    const signature = { inode: 1, mtimeNs: BigInt(seq), size: 250 };
    return store.apply({ is: 'present', kind: 'intent', id: 'hot', signature, data }, at)[0]!;
  });
}

const microseconds = (work: () => void, times: number): number => {
  const before = cpuSeconds();
  work();
  return ((cpuSeconds() - before) * 1e6) / times;
};

await runProgram(({ shape, subscriptions }: FilterPlan) => {
  const fanOut = new FanOut(revision(0), DEFAULT_LIMITS.maxQueuedBytes);
  const held = Array.from({ length: subscriptions }, (_, n) =>
    fanOut.acquire(filterOf(shape, n), 'msgpack', () => false),
  );
  const groups = new Set<Group>(held);
  const publishAll = (events: readonly StoreEvent[]): void => {
    for (const event of events) fanOut.publish([event]);
  };
  const measure = (): FilterCost => {
    publishAll(changes(shape, WARM_UP_EVENTS));
    const before = matched(groups);
    const events = changes(shape, EVENTS);
    const indexedUs = microseconds(() => publishAll(events), EVENTS);
    // The first of a transition's records has no state before it.
    const expected = EVENTS * new Set(held.slice(0, MATCHING)).size - (shape === 'transitions' ? MATCHING / 2 : 0);
    const found = matched(groups) - before;
    if (found !== expected) throw new Error(`${String(found)} matches instead of ${String(expected)}`);
    return { indexedUs, linearUs: linear(groups, held.length, events) };
  };
  return { ready: true, calls: { measure } };
});

/** Returns the number of matches. Groups count their matching events even without members. */
const matched = (groups: ReadonlySet<Group>): number => [...groups].reduce((sum, { index }) => sum + index, 0);

function linear(groups: ReadonlySet<Group>, subscriptions: number, events: readonly StoreEvent[]): number {
  const scanned = events.slice(0, Math.max(3, Math.floor(LINEAR_LOOKS / subscriptions)));
  // Without an index it is also not known which subscriptions share a filter.
  const perGroup = subscriptions / groups.size;
  const scan = (): void => {
    for (const event of scanned) {
      for (const { matcher } of groups) for (let n = 0; n < perGroup; n++) event.viewFor(matcher);
    }
  };
  scan();
  return microseconds(scan, scanned.length);
}
