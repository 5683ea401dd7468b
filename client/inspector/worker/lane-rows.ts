import { recordKey, textOf } from '../model/entry.js';
import { laneBars, type Lane, type LaneMark, type Span } from '../model/lanes.js';
import type { Query } from '../model/query.js';
import type { Timeline } from '../model/timeline.js';
import type { Look } from './messages.js';
import type { LanesPaint } from './paint.js';
import { matchesAgent, type Picture } from './picture.js';

/** A lane shows no more marks than could be told apart. */
const MAX_MARKS = 400;
/** Room to the right of the present, where leases end, as a share of the window. */
const AHEAD = 0.12;

export function lanesPaint(picture: Picture, timeline: Timeline, query: Query, look: Look, end: number): LanesPaint {
  const window = windowOf(look, picture.nowMs);
  const branches = new Map(
    picture.agents.filter((agent) => matchesAgent(query, agent)).map(({ run, branch }) => [run, branch]),
  );
  // Runs that are gone, and whose leases are still to be seen.
  if (query.isEmpty) {
    for (const { run, branch, endMs } of timeline.bars.bars()) {
      if (endMs > window.fromMs && !branches.has(run)) branches.set(run, branch);
    }
  }
  const runs = [...branches.keys()].sort();
  const from = Math.max(0, Math.min(look.rows.from, runs.length));
  const shown = runs.slice(from, look.rows.to);
  const bars = laneBars(timeline.bars.bars(), new Set(shown), window, picture.nowMs);
  const marks = marksOf(timeline, new Set(shown), window, end, query);
  const rows = shown.map((run): Lane => ({
    run,
    branch: branches.get(run) ?? '',
    bars: bars.get(run) ?? [],
    marks: marks.get(run) ?? [],
  }));
  return { total: runs.length, from, rows, window, beginsMs: timeline.capture.first()?.atMs ?? picture.nowMs };
}

function windowOf({ lanes: { widthMs, endMs } }: Look, nowMs: number): Span {
  const toMs = endMs ?? nowMs + widthMs * AHEAD;
  return { fromMs: toMs - widthMs, toMs };
}

function marksOf(
  timeline: Timeline,
  runs: ReadonlySet<string>,
  window: Span,
  end: number,
  query: Query,
): Map<string, LaneMark[]> {
  const { capture } = timeline;
  const marks = new Map<string, LaneMark[]>();
  const to = Math.min(end, capture.indexAfter(window.toMs));
  for (let i = to - 1; i >= 0; i--) {
    const entry = capture.at(i)!;
    if (entry.atMs < window.fromMs) break;
    if (entry.what === 'mark' || entry.type === 'snapshot') continue;
    const run = textOf(entry.data, 'run_id');
    if (run === undefined || !runs.has(run) || !query.matchesEvent(entry)) continue;
    // Litter being collected is no act of an agent.
    if (entry.type === 'removed' && entry.kind !== 'reservation') continue;
    const own = marks.get(run) ?? [];
    if (own.length >= MAX_MARKS) continue;
    marks.set(run, own);
    const { atMs, kind, type, id, revision } = entry;
    own.push({ atMs, kind, type, key: recordKey(kind, id), revision });
  }
  return marks;
}
