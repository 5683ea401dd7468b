import t from 'tap';
import type { Problem, RecordName } from '../../../protocol/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { UnsettledFiles } from '../../../server/watch/unsettled-files.js';
import { broken, newSignature, NOW } from '../../support/changes.js';
import { ManualClock } from '../../support/manual-clock.js';

const SETTLE_MS = 200;
const FILE: RecordName = { kind: 'task', id: 'a' };

function unsettled(settleMs = SETTLE_MS) {
  const clock = new ManualClock();
  const store = new RecordStore();
  /** When each further reading was asked for, in milliseconds since the first. */
  const asked: number[] = [];
  const from = clock.elapsed();
  const files = new UnsettledFiles(store, clock, settleMs, () => asked.push(clock.elapsed() - from));
  const signature = newSignature();
  const met = (is: 'unavailable' | 'broken', { name = FILE, isKnown = false, as = signature } = {}) =>
    files.met(
      `${name.kind}/${name.id}`,
      name,
      is === 'unavailable'
        ? { is, ...name, error: new Error('made to fail') }
        : { is, ...name, problem: 'invalid-json', signature: as },
      isKnown,
    );
  return { clock, store, asked, files, met };
}

/** Reads the file at first and whenever it is asked for. @returns what was said of each reading */
function readFor(ms: number, { clock, asked, met }: ReturnType<typeof unsettled>, is: 'unavailable' | 'broken') {
  const said = [met(is)];
  for (let passed = 0; passed < ms; passed++) {
    const before = asked.length;
    clock.advance(1);
    if (asked.length > before) said.push(met(is, { isKnown: said.includes('announce') }));
  }
  return said;
}

t.test('a file that is not a record is read again after 2, 4, 8 … ms, last when its settle time is over', async (t) => {
  const world = unsettled();
  const said = readFor(3 * SETTLE_MS, world, 'broken');
  t.same(world.asked, [2, 6, 14, 30, 62, 126, 200]);
  t.same(said, [...Array.from({ length: 7 }, () => 'wait'), 'announce'], 'after that only a hint leads to a reading');
  t.equal(world.files.size, 0);
  t.equal(world.clock.timerCount, 0);
});

t.test('a file that cannot be read is read again until it can be, at least once a second', async (t) => {
  const world = unsettled();
  const said = readFor(6_000, world, 'unavailable');
  t.equal(said.indexOf('announce'), 7, 'its problem is published after the settle time');
  t.same(world.asked.slice(7), [456, 968, 1_968, 2_968, 3_968, 4_968, 5_968]);
  const { files, clock } = world;
  t.equal(files.size, 1);
  files.settled('task/a');
  t.same([files.size, clock.timerCount], [0, 0], 'until something else was found');
});

t.test('many files that cannot be read share a hundred readings a second', async (t) => {
  const { clock, asked, met } = unsettled();
  const names = Array.from({ length: 400 }, (_, n): RecordName => ({ kind: 'task', id: String(n) }));
  const meetAll = (): void => {
    for (const name of names) met('unavailable', { name, isKnown: true });
  };
  meetAll();
  clock.advance(SETTLE_MS);
  for (let read = 0; read < 12; read++) meetAll();
  asked.length = 0;
  clock.advance(3_999);
  t.equal(asked.length, 0);
  clock.advance(1);
  t.equal(asked.length, 400);
});

t.test('a problem that is published already is not waited for', async (t) => {
  const { files, met } = unsettled();
  t.equal(met('broken', { isKnown: true }), 'announce');
  t.equal(files.size, 0);
});

t.test(
  'a lease waits for a file that may say something else: since when it is unsettled, and until it is published',
  async (t) => {
    const { clock, store, files, met } = unsettled();
    clock.advance(100);
    const before = clock.elapsed() - 1;
    const now = clock.elapsed();
    met('broken');
    t.ok(files.isSettling('task', now, true), 'a file that is half-written');
    t.notOk(files.isSettling('task', now, false), 'unless only files that cannot be read matter');
    t.notOk(files.isSettling('claim', now, true), 'a file of another kind');
    t.notOk(files.isSettling('task', before, true), 'a file that was whole then');
    met('unavailable');
    t.ok(files.isSettling('task', now, false), 'a file that cannot be read');
    publish('unreadable');
    t.notOk(files.isSettling('task', now, true), 'it is published');

    function publish(problem: Problem): void {
      store.apply(broken('task', 'a', problem), NOW);
    }
  },
);

t.test('a barrier waits for a file that could not be read, until that is announced', async (t) => {
  const { clock, files, met } = unsettled();
  const start = clock.elapsed();
  met('broken', { name: { kind: 'task', id: 'torn' } });
  t.notOk(files.isUnread(start), 'a file that was read');
  clock.advance(1);
  met('unavailable');
  t.notOk(files.isUnread(start), 'one that could be read then');
  const now = clock.elapsed();
  t.ok(files.isUnread(now));
  t.ok(files.isUnread(now, FILE));
  t.notOk(files.isUnread(now, { kind: 'task', id: 'b' }));
  t.notOk(files.isUnread(now, { kind: 'claim', id: 'a' }));
  clock.advance(SETTLE_MS);
  t.equal(met('unavailable'), 'announce');
  t.notOk(files.isUnread(now));
});

t.test('a stop cancels what is to be read again', async (t) => {
  const { clock, files, met } = unsettled();
  met('unavailable');
  files.clear();
  t.same([files.size, clock.timerCount], [0, 0]);
});
