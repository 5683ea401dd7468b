import t from 'tap';
import type { Kind } from '../../../protocol/index.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { LeaseDeadlines, type LeaseDeadlineServices } from '../../../server/watch/lease-deadlines.js';
import { present } from '../../support/changes.js';
import { ManualClock } from '../../support/manual-clock.js';

const LEASE_MS = 5_000;
const SETTLE_MS = 200;
const HOUR_MS = 3_600_000;

/** One lease that ends in 5 s, and what is asked of the parts around it. */
function held(clock = new ManualClock(), more: Partial<LeaseDeadlineServices> = {}) {
  const store = new RecordStore();
  const asked: string[] = [];
  const files = { torn: false, unreadable: false, blind: [] as Kind[] };
  const deadlines = new LeaseDeadlines({
    store,
    clock,
    settleMs: SETTLE_MS,
    hintsSuffice: () => true,
    known: (kinds) => new Set(kinds.filter((kind) => !files.blind.includes(kind))),
    verify: () => asked.push('verify'),
    rescan: async (kind) => {
      asked.push(`compare ${kind}`);
      return !files.blind.includes(kind);
    },
    isSettling: (_kind, _elapsed, alsoTorn) => files.unreadable || (alsoTorn && files.torn),
    reconcileSoon: (why) => asked.push(why),
    schedule: () => asked.push('turn'),
    ...more,
  });
  store.apply(present('reservation', 'r', { expires_at: clock.inFuture(LEASE_MS) }), clock.now());
  return {
    clock,
    store,
    files,
    deadlines,
    /** What was asked for since the last call. */
    asked: (): string[] => asked.splice(0),
    /** One turn, as the loop runs it. */
    turn: (): string[] => {
      const ended = deadlines.end().map(({ record }) => record.id);
      deadlines.sleep();
      return ended;
    },
  };
}

const COMPARED = ['verify', 'compare reservation', 'compare heartbeat', 'compare release'];
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

t.test(
  'a lease ends in the turn after the one that finds its time over, when the hints of that time are read',
  async (t) => {
    const { clock, deadlines, asked, turn } = held();
    deadlines.start();
    clock.advance(LEASE_MS - 1);
    t.same([turn(), asked()], [[], []], 'a millisecond early');
    clock.advance(1);
    t.same(asked(), ['turn'], 'the timer asks for a turn');
    t.same([turn(), asked()], [[], ['turn']], 'the turn asks for another one');
    t.same([turn(), asked()], [['r'], []]);
    clock.advance(HOUR_MS);
    t.same([turn(), asked().includes('the process was paused')], [[], false], 'nothing else is about to end');
  },
);

t.test('what ends is what had run out when the question was asked', async (t) => {
  const { clock, deadlines, store, turn } = held();
  store.apply(present('reservation', 'later', { expires_at: clock.inFuture(LEASE_MS + 10) }), clock.now());
  deadlines.start();
  clock.advance(LEASE_MS);
  turn();
  clock.advance(20);
  t.same(turn(), ['r']);
  t.same([turn(), turn()], [[], ['later']]);
});

t.test(
  'while one of the directories that decide cannot be seen, no lease ends, and they are looked at four times a second',
  async (t) => {
    for (const kind of ['reservation', 'heartbeat', 'release'] as const) {
      const { clock, deadlines, files, asked, turn } = held();
      deadlines.start();
      files.blind.push(kind);
      clock.advance(LEASE_MS);
      asked();
      t.same([turn(), asked()], [[], []], kind);
      clock.advance(249);
      t.same(asked(), []);
      clock.advance(1);
      t.same(asked(), ['turn']);
      files.blind.length = 0;
      t.same([turn(), turn()], [[], ['r']]);
    }
  },
);

t.test('where changes may give no hint, the directories are compared before a lease ends, once', async (t) => {
  const { clock, deadlines, asked, turn } = held(undefined, { hintsSuffice: () => false });
  deadlines.start();
  clock.advance(LEASE_MS);
  asked();
  t.same([turn(), asked()], [[], COMPARED]);
  for (let n = 0; n < 3; n++) {
    clock.advance(1_000);
    t.same([turn(), asked()], [[], []], 'while they are compared nothing ends, and no timer asks');
  }
  await settled();
  t.same(asked(), ['turn']);
  t.same([turn(), asked()], [['r'], []]);
});

t.test('a doubt about hints counts once, whenever it came', async (t) => {
  const { clock, deadlines, store, asked, turn } = held();
  store.apply(present('reservation', 'next', { expires_at: clock.inFuture(LEASE_MS + 100) }), clock.now());
  deadlines.start();
  deadlines.doubtHints();
  clock.advance(LEASE_MS);
  asked();
  t.same([turn(), asked()], [[], COMPARED]);
  await settled();
  t.same([turn(), asked()], [['r'], ['turn']]);
  clock.advance(100);
  asked();
  t.same([turn(), asked(), turn()], [[], ['turn'], ['next']]);
});

t.test(
  'a comparison that did not see everything ends nothing, and the next one waits a quarter of a second',
  async (t) => {
    for (const kind of ['reservation', 'heartbeat', 'release'] as const) {
      const { clock, deadlines, files, asked, turn } = held();
      deadlines.start();
      deadlines.doubtHints();
      files.blind.push(kind);
      clock.advance(LEASE_MS);
      turn();
      await settled();
      asked();
      t.same([turn(), asked()], [[], []], `${kind}: the hints of the comparison cause a turn`);
      clock.advance(249);
      t.same([turn(), asked()], [[], []]);
      clock.advance(1);
      files.blind.length = 0;
      asked();
      t.same([turn(), asked()], [[], COMPARED]);
      await settled();
      t.same(turn(), ['r']);
    }
  },
);

t.test('a timer that is more than a second late means a pause, in which hints may be lost', async (t) => {
  for (const [lateMs, expected] of [
    [1_000, ['turn']],
    [1_001, ['the process was paused', 'turn']],
  ] as const) {
    const { clock, deadlines, asked, turn } = held();
    deadlines.start();
    clock.sleepThrough(LEASE_MS + lateMs);
    t.same(asked(), expected);
    t.same([turn(), asked()], [[], lateMs > 1_000 ? COMPARED : ['turn']]);
    deadlines.stop();
  }
});

t.test('a deadline that is found more than a second late means the same, though no timer was late', async (t) => {
  for (const [lateMs, expected] of [
    [1_000, ['turn']],
    [1_001, ['the process was paused', ...COMPARED]],
  ] as const) {
    const { clock, deadlines, asked, turn } = held();
    deadlines.start();
    clock.setWallClock(LEASE_MS + lateMs);
    t.same([turn(), asked()], [[], expected]);
    deadlines.stop();
  }
});

t.test('a file that is half-written at the deadline has the settle time to become a record, and no more', async (t) => {
  const { clock, deadlines, files, asked, turn } = held();
  deadlines.start();
  files.torn = true;
  clock.advance(LEASE_MS);
  turn();
  t.same(turn(), []);
  asked();
  clock.advance(SETTLE_MS - 1);
  t.same([asked(), turn()], [[], []]);
  clock.advance(1);
  t.same([asked(), turn()], [['turn'], ['r']]);
});

t.test('a file that cannot be read at the deadline is waited for until its problem is published', async (t) => {
  const { clock, deadlines, files, turn } = held();
  deadlines.start();
  files.unreadable = true;
  clock.advance(LEASE_MS);
  turn();
  for (let n = 0; n < 5; n++) {
    t.same(turn(), []);
    clock.advance(SETTLE_MS);
  }
  files.unreadable = false;
  t.same(turn(), ['r']);
});

t.test('without a lease the clock is read once a minute, because it can be set, and nothing is compared', async (t) => {
  const { clock, deadlines, store, asked, turn } = held();
  store.apply({ is: 'absent', kind: 'reservation', id: 'r' }, clock.now());
  deadlines.start();
  deadlines.doubtHints();
  clock.advance(59_999);
  t.same([asked(), turn(), asked()], [[], [], []]);
  clock.advance(60_000);
  t.same([asked(), turn(), asked()], [['turn'], [], []]);
});

t.test('what was loaded before the start is no sleep, and before it nothing is doubted', async (t) => {
  const { clock, deadlines } = held(Object.assign(new ManualClock(), { elapsedInSleep: 'may-go-on' as const }));
  t.equal(deadlines.delay, undefined);
  clock.setWallClock(HOUR_MS);
  deadlines.start();
  t.equal(deadlines.delay, undefined);
  clock.setWallClock(HOUR_MS);
  t.match(deadlines.delay, { why: /was set ahead/ });
});

t.test('after its stop nothing is asked for, also by a comparison that was on its way', async (t) => {
  const { clock, deadlines, asked, turn } = held();
  deadlines.stop();
  deadlines.start();
  t.equal(clock.timerCount, 0, 'stopped before it has started');
  const other = held(undefined, { hintsSuffice: () => false });
  other.deadlines.start();
  other.clock.advance(LEASE_MS);
  other.turn();
  other.asked();
  other.deadlines.stop();
  await settled();
  t.same([other.asked(), other.clock.timerCount], [[], 0]);
  t.same([asked(), turn()], [[], []]);
});
