import t from 'tap';
import { KINDS, type Kind } from '../../../protocol/index.js';
import { UnseenDirectoryError, type DirectoryScan, type ScanReport } from '../../../server/watch/directory-scan.js';
import { Reconciler } from '../../../server/watch/reconciler.js';
import { RecordingLog } from '../../support/journal-log.js';
import { ManualClock } from '../../support/manual-clock.js';

const PAUSE_MS = 10_000;
const PACE = { compareMs: PAUSE_MS, restFactor: 400 };

/** A scan that ends when the test ends it, or at once. */
class FakeScan {
  readonly runs: Kind[] = [];
  held: (() => void)[] | undefined;
  busyMs = 0;
  /** The directories whose comparison fails, and how. */
  readonly faults = new Map<Kind, Error>();
  differences = 0;

  async run(kind: Kind): Promise<ScanReport> {
    this.runs.push(kind);
    if (this.held) await new Promise<void>((resolve) => this.held!.push(resolve));
    const fault = this.faults.get(kind);
    if (fault) throw fault;
    return { files: 0, differences: this.differences, busyMs: this.busyMs };
  }

  release(): void {
    for (const resolve of this.held?.splice(0) ?? []) resolve();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function reconciled() {
  const [scan, clock] = [new FakeScan(), new ManualClock()];
  const log = new RecordingLog();
  const watches = { verified: 0, fail: false };
  let sightChanges = 0;
  const reconciler = new Reconciler(
    scan as unknown as DirectoryScan,
    clock,
    log,
    () => PACE,
    () => {
      watches.verified++;
      if (watches.fail) throw new Error('no');
    },
    () => sightChanges++,
  );
  return { scan, clock, log, reconciler, watches, sightChanges: () => sightChanges };
}

t.test('all directories are compared at long intervals, after the watches are verified', async (t) => {
  const { scan, clock, reconciler, watches } = reconciled();
  reconciler.start();
  clock.advance(PAUSE_MS - 1);
  t.same(scan.runs, []);
  clock.advance(1);
  await settled();
  t.same(scan.runs, KINDS);
  t.equal(watches.verified, 1);
  t.equal(reconciler.lastScan, clock.now());
  clock.advance(PAUSE_MS);
  await settled();
  t.equal(scan.runs.length, 2 * KINDS.length);
  reconciler.stop();
  t.equal(clock.timerCount, 0);
});

t.test('comparisons take a small share of a core: after a long one the pause is long', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  scan.busyMs = 10;
  reconciler.start();
  clock.advance(PAUSE_MS);
  await settled();
  const rest = KINDS.length * scan.busyMs * 400;
  clock.advance(rest - 1);
  await settled();
  t.equal(scan.runs.length, KINDS.length);
  clock.advance(1);
  await settled();
  t.equal(scan.runs.length, 2 * KINDS.length);
  reconciler.stop();
});

t.test('a possible loss of hints brings the next comparison forward, and many losses bring only one', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  reconciler.start();
  for (let n = 0; n < 10; n++) {
    reconciler.soon('a burst');
    clock.advance(20);
  }
  clock.advance(50);
  await settled();
  t.same(scan.runs, KINDS, '250 ms after the first time, however often it was said');
  reconciler.stop();
  reconciler.soon('too late');
  t.equal(clock.timerCount, 0);
});

t.test('a request during a scan causes one more scan, and waits for it', async (t) => {
  const { scan, reconciler } = reconciled();
  scan.held = [];
  const first = reconciler.rescan('task');
  let isDone = false;
  const later = [reconciler.rescan('task'), reconciler.rescan('task')];
  void Promise.all(later).then(() => (isDone = true));
  scan.release();
  await settled();
  t.same(scan.runs, ['task', 'task']);
  t.notOk(isDone, 'what was asked during the first scan is not answered by it');
  scan.release();
  await Promise.all([first, ...later]);
  t.same(scan.runs, ['task', 'task']);
});

t.test('after a scan that fails the next one follows, and when all were last compared is still known', async (t) => {
  const { scan, clock, log, reconciler } = reconciled();
  const before = clock.now();
  t.equal(reconciler.lastScan, before, 'what was loaded at the start counts');
  scan.faults.set('task', new Error('no'));
  reconciler.start();
  clock.advance(PAUSE_MS);
  await settled();
  t.equal(reconciler.lastScan, before);
  t.same(log.messages('warn'), ['cannot compare the directory; it is compared again later']);
  scan.faults.clear();
  clock.advance(PAUSE_MS);
  await settled();
  t.equal(scan.runs.length, 2 * KINDS.length);
  t.equal(reconciler.lastScan, clock.now());
  reconciler.stop();
});

t.test('which directories cannot be compared is known, and a change of that is told once', async (t) => {
  const { scan, log, reconciler, sightChanges } = reconciled();
  scan.faults.set('task', new UnseenDirectoryError('tasks/ is a link'));
  t.equal(await reconciler.rescan('task'), false);
  t.equal(await reconciler.rescan('task'), false);
  t.same([...reconciler.unseen], [['task', 'tasks/ is a link']]);
  t.equal(sightChanges(), 1);
  t.same(log.messages('warn'), [], 'the health says it');
  reconciler.cannotSee('claim', 'claims/ cannot be listed');
  t.equal(sightChanges(), 2);
  scan.faults.clear();
  t.equal(await reconciler.rescan('task'), true);
  t.same([...reconciler.unseen.keys()], ['claim']);
  t.equal(sightChanges(), 3);
  await reconciler.rescan('task');
  t.equal(sightChanges(), 3);
});

t.test('hints may be lost until the comparison that began after the last loss', async (t) => {
  const { scan, reconciler } = reconciled();
  t.ok(reconciler.hasAllHints('task'));
  reconciler.soon('a burst');
  t.notOk(reconciler.hasAllHints('task'));
  await reconciler.rescan('task');
  t.ok(reconciler.hasAllHints('task'));
  t.notOk(reconciler.hasAllHints('claim'), 'each directory for itself');
  reconciler.soon('a burst');
  scan.held = [];
  const running = reconciler.rescan('task');
  reconciler.soon('another, during the comparison');
  scan.release();
  await running;
  t.notOk(reconciler.hasAllHints('task'));
  reconciler.cannotSee('intent', 'intents/ is a link');
  scan.held = undefined;
  await reconciler.rescan('claim');
  t.ok(reconciler.hasAllHints('claim'));
  t.notOk(reconciler.hasAllHints('intent'), 'a directory that cannot be seen');
});

t.test('what the comparisons have cost is counted, and what they found is logged', async (t) => {
  const { scan, clock, log, reconciler } = reconciled();
  scan.busyMs = 2;
  scan.held = [];
  clock.advance(100);
  const round = reconciler.everything();
  clock.advance(7);
  scan.release();
  await round;
  t.same(reconciler.count, { rounds: 1, busyMs: 2 * KINDS.length, lastMs: 7 });
  t.same(log.lines, []);
  scan.held = undefined;
  scan.differences = 3;
  await reconciler.rescan('task');
  t.equal(reconciler.count.rounds, 1, 'of one directory');
  t.equal(reconciler.count.busyMs, 2 * KINDS.length + 2);
  t.match(log.lines, [{ level: 'debug', fields: { kind: 'task', files: 0, differences: 3 } }]);
});

t.test('after a comparison that took very long the next one comes within five minutes', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  scan.busyMs = 10_000;
  reconciler.start();
  clock.advance(PAUSE_MS);
  await settled();
  clock.advance(299_999);
  await settled();
  t.equal(scan.runs.length, KINDS.length);
  clock.advance(1);
  await settled();
  t.equal(scan.runs.length, 2 * KINDS.length);
  reconciler.stop();
});

t.test('a loss of hints during a comparison brings the next one forward too', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  scan.held = [];
  reconciler.start();
  clock.advance(PAUSE_MS);
  reconciler.soon('a burst');
  scan.release();
  await settled();
  scan.held = undefined;
  scan.runs.length = 0;
  clock.advance(249);
  await settled();
  t.same(scan.runs, []);
  clock.advance(1);
  await settled();
  t.same(scan.runs, KINDS);
  reconciler.stop();
});

t.test('a stop during a comparison is the last: nothing is compared after it', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  scan.held = [];
  reconciler.start();
  clock.advance(PAUSE_MS);
  reconciler.stop();
  scan.release();
  await settled();
  t.equal(clock.timerCount, 0);
});

t.test('a check of the watches that fails does not keep the next comparison from coming', async (t) => {
  const { scan, clock, log, reconciler, watches } = reconciled();
  watches.fail = true;
  reconciler.start();
  clock.advance(PAUSE_MS);
  await settled();
  t.same(scan.runs, []);
  t.same(log.messages('warn'), ['cannot compare the directories; trying again']);
  watches.fail = false;
  clock.advance(PAUSE_MS);
  await settled();
  t.same(scan.runs, KINDS);
  reconciler.stop();
});
