import t from 'tap';
import type { EventType, Kind } from '../../../protocol/index.js';
import { clip, laneBars, MarkThinning, ticks, zoom } from '../../../client/inspector/model/lanes.js';
import { mergeSpans, type Span } from '../../../client/inspector/model/overlaps.js';
import { SymbolRows } from '../../../client/inspector/model/symbol-rows.js';
import { symbolRows, symbolTree } from '../../../client/inspector/model/symbol-tree.js';
import { contestsOf } from '../../../client/inspector/model/contention.js';
import { leasesOf } from '../../../client/inspector/model/lease.js';
import { EMPTY_QUERY } from '../../../client/inspector/model/query.js';
import { deriveState } from '../../../client/inspector/worker/derived-state.js';
import { lanesPaint } from '../../../client/inspector/worker/lane-rows.js';
import type { ViewState } from '../../../client/inspector/worker/messages.js';
import { at, NOON, CapturedEvents } from '../../support/entries.js';

const seconds = ({ fromMs, toMs }: Span) => [(fromMs - NOON) / 1_000, (toMs - NOON) / 1_000];

t.test('an interval ends as its lease does: released, lapsed, removed, or still running', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'released', 'a', 'x', 60)
    .reserve(0, 'lapsed', 'b', 'x', 10)
    .reserve(0, 'removed', 'c', 'x', 60)
    .reserve(0, 'running', 'd', 'x', 60)
    .event(5, 'added', 'release', 'r', { reservation_id: 'released', released_at: at(5) })
    .event(6, 'removed', 'reservation', 'removed')
    .event(10, 'expired', 'reservation', 'lapsed');
  const ends = [...captured.timeline.intervals.all()].map((interval) => {
    const shown = clip(interval, NOON + 20_000)!;
    return [shown.end, ...seconds(shown)];
  });
  t.same(ends, [
    ['released', 0, 5],
    ['lapsed', 0, 10],
    ['removed', 0, 6],
    ['running', 0, 60],
  ]);
});

t.test('at an earlier moment an interval has no end that was not known then', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r', 'a', 'x', 60)
    .event(5, 'added', 'release', 'r', { reservation_id: 'r', released_at: at(5) });
  const [interval] = [...captured.timeline.intervals.all()];
  t.equal(clip(interval!, NOON + 3_000)!.end, 'running');
  t.equal(clip(interval!, NOON - 1_000), undefined, 'before its beginning there is nothing to show');
});

t.test('a heartbeat extends an interval, and revives a lapsed one', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r', 'a', 'x', 10).event(10, 'expired', 'reservation', 'r');
  captured.event(12, 'added', 'heartbeat', 'h', { reservation_id: 'r', extended_expires_at: at(30) });
  const [interval] = [...captured.timeline.intervals.all()];
  t.same([clip(interval!, NOON + 15_000)!.end, ...seconds(clip(interval!, NOON + 15_000)!)], ['running', 0, 30]);
});

t.test('intervals of two runs at one address overlap while both hold it', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 20)
    .reserve(10, 'r2', 'b', 'x', 30)
    .reserve(0, 'r3', 'c', 'x', 30, 'dev');
  const lanes = laneBars(
    captured.timeline.intervals,
    new Set(['a', 'b', 'c']),
    { fromMs: NOON, toMs: NOON + 60_000 },
    NOON + 15_000,
  );
  const overlaps = (run: string) =>
    lanes.get(run)![0]!.overlaps.map((one) => [...seconds(one), one.isMergeOnly ? 'merge risk' : 'collision']);
  t.same(overlaps('a'), [
    [0, 20, 'merge risk'],
    [10, 20, 'collision'],
  ]);
  t.same(overlaps('b'), [
    [10, 30, 'merge risk'],
    [10, 20, 'collision'],
  ]);
  t.same(overlaps('c'), [[0, 30, 'merge risk']]);
});

t.test('a file and a symbol in it are an overlap in the lanes, as everywhere', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'src/a.py', 60)
    .reserve(10, 'r2', 'b', 'src/a.py::f', 40)
    .reserve(10, 'r3', 'c', 'src/c.py', 40);
  const { timeline } = captured;
  const derived = deriveState(timeline.head, NOON + 20_000, undefined);
  const view = { rows: { from: 0, to: 9 }, lanes: { widthMs: 120_000, endMs: undefined } } as ViewState;
  const { rows } = lanesPaint(derived, timeline, EMPTY_QUERY, view, timeline.capture.length);
  t.same(
    rows.map(({ run, bars }) => [run, bars.flatMap(({ overlaps }) => overlaps.map(seconds))]),
    [
      ['a', [[10, 40]]],
      ['b', [[10, 40]]],
      ['c', []],
    ],
  );
});

t.test('leases that have ended overlapped by the same model: spelling, nesting, patterns, branches', async (t) => {
  const overlapsOf = (a: readonly [address: string, branch: string], b: readonly [address: string, branch: string]) => {
    const captured = new CapturedEvents()
      .reserve(0, 'r1', 'a', a[0], 20, a[1])
      .reserve(10, 'r2', 'b', b[0], 20, b[1])
      .event(20, 'expired', 'reservation', 'r1')
      .event(30, 'expired', 'reservation', 'r2');
    const window = { fromMs: NOON, toMs: NOON + 60_000 };
    const lanes = laneBars(captured.timeline.intervals, new Set(['a']), window, NOON + 50_000);
    return lanes.get('a')![0]!.overlaps.map((one) => [...seconds(one), one.isMergeOnly ? 'merge risk' : 'collision']);
  };
  for (const [held, other, expected] of [
    ['src/a.py', 'src/a.py::f', 'collision'],
    ['src/', 'src/deep/a.py::C.m', 'collision'],
    ['./src//a.py', 'src/a.py', 'collision'],
    ['src/*.py', 'src/a.py::f', 'collision'],
    ['src/a.py::C', 'src/a.py::D', undefined],
    ['src/a.py', 'src/a.pyx', undefined],
  ] as const)
    for (const [one, two] of [
      [held, other],
      [other, held],
    ] as const)
      t.same(
        overlapsOf([one, 'main'], [two, 'main']),
        expected === undefined ? [] : [[10, 20, expected]],
        `${one} and ${two}`,
      );
  t.same(overlapsOf(['x', 'main'], ['x/y', 'dev']), [[10, 20, 'merge risk']]);
  t.same(overlapsOf(['x', 'main'], ['x', 'refs/heads/main']), [[10, 20, 'collision']]);
  t.same(overlapsOf(['x', 'main'], ['x', '']), [[10, 20, 'collision']], 'a lease without a branch may be on any');
});

t.test('leases that a run holds at the same time are in different tracks', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 20)
    .reserve(1, 'r2', 'a', 'y', 20)
    .reserve(25, 'r3', 'a', 'z', 40);
  const lanes = laneBars(
    captured.timeline.intervals,
    new Set(['a', 'b', 'c']),
    { fromMs: NOON, toMs: NOON + 60_000 },
    NOON + 30_000,
  );
  t.same(
    lanes.get('a')!.map(({ track }) => track),
    [0, 1, 0],
  );
});

t.test('equal signs that would cover one another are drawn once; others stay, however many there are', async (t) => {
  const thinning = new MarkThinning({ fromMs: NOON, toMs: NOON + 300_000 });
  const takes = (second: number, kind: Kind, type: EventType = 'modified') =>
    thinning.takes({ atMs: NOON + second * 1_000, kind, type });
  let taken = 0;
  for (let second = 300; second > 0; second -= 0.1) if (takes(second, 'intent')) taken++;
  t.ok(taken > 250 && taken <= 301, `${String(taken)} of 3,000, over the whole window`);
  t.ok(takes(0.2, 'release'), 'another sign beside it');
  t.notOk(takes(0.1, 'release'));
  t.ok(takes(0.1, 'reservation', 'expired'));
});

t.test('spans merge, axes have round marks, and zoom keeps the moment under the pointer', async (t) => {
  const span = (fromMs: number, toMs: number) => ({ fromMs, toMs });
  t.same(mergeSpans([span(5, 9), span(0, 2), span(1, 6)]), [span(0, 9)]);
  t.same(ticks(span(500, 20_500), 1_000), {
    stepMs: 2_000,
    at: [2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 18_000, 20_000],
  });
  t.same(zoom(span(0, 100_000), 25_000, 0.5), span(12_500, 62_500));
});

t.test('the tree shows contention first, and joins a directory with its only subdirectory', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'lib/deep/one.py::f', 60)
    .reserve(0, 'r2', 'a', 'src/two.py::g', 60)
    .reserve(0, 'r3', 'b', 'src/two.py::g', 60)
    .reserve(0, 'r4', 'b', 'src/three.py', 5);
  const leases = leasesOf(captured.timeline.head, NOON + 10_000);
  const tree = symbolTree(leases, contestsOf(captured.timeline.head, leases, NOON + 10_000));
  const rows = symbolRows(tree, new Set()).map(({ label, depth, holders, contested }) => [
    depth,
    label,
    holders.join(),
    contested,
  ]);
  t.same(rows, [
    [0, 'src', 'a,b', 1],
    [1, 'two.py', 'a,b', 1],
    [2, 'g', 'a,b', 1],
    [1, 'three.py', '', 0],
    [0, 'lib/deep', 'a', 0],
    [1, 'one.py', 'a', 0],
    [2, 'f', 'a', 0],
  ]);
  t.equal(symbolRows(tree, new Set(['src'])).length, 4, 'the children of a closed node have no rows');
});

t.test('the tree is made anew for what changes it, and only for that', async (t) => {
  const captured = new CapturedEvents().reserve(0, 'r1', 'a', 'x', 60).reserve(0, 'r2', 'b', 'y', 100);
  const kept = new SymbolRows();
  const rows = (seconds: number, closed: readonly string[] = []) => {
    const nowMs = NOON + seconds * 1_000;
    const leases = leasesOf(captured.timeline.head, nowMs);
    const contests = contestsOf(captured.timeline.head, leases, nowMs);
    const shown = kept.of(leases, contests, [], closed);
    t.same(shown, symbolRows(symbolTree(leases, contests), new Set(closed)), `at ${String(seconds)} s as a new one`);
    return shown;
  };
  const first = rows(1);
  t.equal(rows(20), first, 'time alone');
  const beat = { run_id: 'a', reservation_id: 'r1', last_beat_at: at(21), extended_expires_at: at(300) };
  captured.event(21, 'added', 'heartbeat', 'r1', beat);
  t.equal(rows(22), first, 'a heartbeat: the lease ends last now');
  t.not(rows(101), first, 'a lease that lapsed');
  captured.reserve(102, 'r3', 'c', 'x', 400);
  t.match(rows(103)[0], { path: 'x', contested: 1 });
  captured.event(104, 'removed', 'reservation', 'r3', { run_id: 'c' }).reserve(104, 'r4', 'd', 'dir/z', 400);
  t.equal(rows(105, ['dir']).length, 3);
  t.equal(rows(105).length, 4, 'a node that was opened');
});
