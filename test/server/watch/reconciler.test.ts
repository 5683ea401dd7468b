import t from 'tap';
import { KINDS, type Kind } from '../../../protocol/index.js';
import { silentLog } from '../../../server/index.js';
import type { DirectoryScan, ScanReport } from '../../../server/watch/directory-scan.js';
import { Reconciler } from '../../../server/watch/reconciler.js';
import { ManualClock } from '../../support/manual-clock.js';

const PAUSE_MS = 10_000;
const PACE = { compareMs: PAUSE_MS, restFactor: 400 };

/** A scan that ends when the test ends it, or at once. */
class FakeScan {
  readonly runs: Kind[] = [];
  held: (() => void)[] | undefined;
  busyMs = 0;
  fails = false;

  async run(kind: Kind): Promise<ScanReport> {
    this.runs.push(kind);
    if (this.held) await new Promise<void>((resolve) => this.held!.push(resolve));
    if (this.fails) throw new Error('no');
    return { files: 0, differences: 0, busyMs: this.busyMs };
  }

  release(): void {
    for (const resolve of this.held?.splice(0) ?? []) resolve();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function reconciled() {
  const [scan, clock] = [new FakeScan(), new ManualClock()];
  let verified = 0;
  const reconciler = new Reconciler(
    scan as unknown as DirectoryScan,
    clock,
    silentLog,
    () => PACE,
    () => verified++,
  );
  return { scan, clock, reconciler, verified: () => verified };
}

t.test('all directories are compared at long intervals, after the watches are verified', async (t) => {
  const { scan, clock, reconciler, verified } = reconciled();
  reconciler.start();
  clock.advance(PAUSE_MS - 1);
  t.same(scan.runs, []);
  clock.advance(1);
  await settled();
  t.same(scan.runs, KINDS);
  t.equal(verified(), 1);
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

t.test('after a scan that fails the next one follows', async (t) => {
  const { scan, clock, reconciler } = reconciled();
  scan.fails = true;
  reconciler.start();
  clock.advance(PAUSE_MS);
  await settled();
  scan.fails = false;
  clock.advance(PAUSE_MS);
  await settled();
  t.equal(scan.runs.length, 2 * KINDS.length);
  reconciler.stop();
});
