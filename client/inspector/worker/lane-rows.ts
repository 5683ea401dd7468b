import { recordKey } from '../../../protocol/index.js';
import { textOf } from '../model/entry.js';
import {
  laneBars,
  MarkThinning,
  mergeOverlaps,
  type Lane,
  type LaneBar,
  type LaneMark,
  type Overlap,
  type Span,
} from '../model/lanes.js';
import type { Query } from '../model/query.js';
import type { Timeline } from '../model/timeline.js';
import type { ViewState } from './messages.js';
import type { LanesPaint } from './paint.js';
import { matchesAgent, type DerivedState } from './derived-state.js';

/** The share of the window to the right of the present, where leases will end. */
const FUTURE_SHARE = 0.12;

export function lanesPaint(
  derived: DerivedState,
  timeline: Timeline,
  query: Query,
  viewState: ViewState,
  end: number,
): LanesPaint {
  const window = windowOf(viewState, derived.nowMs);
  const branches = new Map(
    derived.agents.filter((agent) => matchesAgent(query, agent)).map(({ run, branch }) => [run, branch]),
  );
  // Add runs that no longer exist, but whose leases are still visible.
  if (query.isEmpty) {
    for (const { run, branch, endMs } of timeline.intervals.all()) {
      if (endMs > window.fromMs && !branches.has(run)) branches.set(run, branch);
    }
  }
  const runs = [...branches.keys()].sort();
  const from = Math.max(0, Math.min(viewState.rows.from, runs.length));
  const shown = runs.slice(from, viewState.rows.to);
  const bars = laneBars(timeline.intervals.all(), new Set(shown), window, derived.nowMs);
  const contested = contestedSpans(derived);
  const marks = marksOf(timeline, new Set(shown), window, end, query);
  const rows = shown.map((run): Lane => ({
    run,
    branch: branches.get(run) ?? '',
    bars: (bars.get(run) ?? []).map((bar) => withOverlaps(bar, contested.get(bar.key))),
    marks: marks.get(run)?.marks ?? [],
    events: marks.get(run)?.events ?? 0,
  }));
  return { total: runs.length, from, rows, window, beginsMs: timeline.capture.first()?.atMs ?? derived.nowMs };
}

/**
 * Returns, for each lease that is contested now, when another run held what it overlaps: also where their addresses differ, such as a file and
 * a symbol in it. Of the past only equal addresses are compared.
 */
function contestedSpans({ contests }: DerivedState): Map<string, Overlap[]> {
  const found = new Map<string, Overlap[]>();
  for (const { conflict, leases } of contests) {
    if (conflict.type !== 'address_overlap' || leases.length < 2) continue;
    const starts = leases.map(({ startMs }) => startMs).sort((a, b) => a - b);
    const ends = leases.map(({ endMs = Infinity }) => endMs).sort((a, b) => b - a);
    // From when the second holds until only one is left.
    const span = { fromMs: starts[1]!, toMs: ends[1]!, isMergeOnly: conflict.severity === 'merge-risk' };
    for (const { key } of leases) found.set(key, [...(found.get(key) ?? []), span]);
  }
  return found;
}

function withOverlaps(bar: LaneBar, more: readonly Overlap[] | undefined): LaneBar {
  if (more === undefined) return bar;
  const inside = more.map(({ fromMs, toMs, isMergeOnly }) => ({
    isMergeOnly,
    fromMs: Math.max(bar.fromMs, fromMs),
    toMs: Math.min(bar.toMs, toMs),
  }));
  return { ...bar, overlaps: mergeOverlaps([...bar.overlaps, ...inside]) };
}

function windowOf({ lanes: { widthMs, endMs } }: ViewState, nowMs: number): Span {
  const toMs = endMs ?? nowMs + widthMs * FUTURE_SHARE;
  return { fromMs: toMs - widthMs, toMs };
}

function marksOf(
  timeline: Timeline,
  runs: ReadonlySet<string>,
  window: Span,
  end: number,
  query: Query,
): Map<string, { readonly marks: LaneMark[]; readonly thinning: MarkThinning; events: number }> {
  const { capture } = timeline;
  const lanes: ReturnType<typeof marksOf> = new Map();
  const to = Math.min(end, capture.indexAfter(window.toMs));
  for (let i = to - 1; i >= 0; i--) {
    const entry = capture.at(i)!;
    if (entry.atMs < window.fromMs) break;
    if (entry.what === 'mark' || entry.type === 'snapshot') continue;
    const run = textOf(entry.data, 'run_id');
    if (run === undefined || !runs.has(run) || !query.matchesEvent(entry)) continue;
    // The removal of leftover files is not an act of an agent.
    if (entry.type === 'removed' && entry.kind !== 'reservation') continue;
    const lane = lanes.get(run) ?? { marks: [], thinning: new MarkThinning(window), events: 0 };
    lanes.set(run, lane);
    lane.events++;
    const { atMs, kind, type, id, revision } = entry;
    if (lane.thinning.takes(entry)) lane.marks.push({ atMs, kind, type, key: recordKey(kind, id), revision });
  }
  return lanes;
}
