import t from 'tap';
import { TurnLoop, type Turn } from '../../server/runtime/turn-loop.js';
import { ManualClock } from '../support/manual-clock.js';

const loopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('a step runs once per turn, however often it is requested, and again while there is more', async (t) => {
  const clock = new ManualClock();
  let steps = 0;
  const turns = new TurnLoop(clock, 3, () => ++steps < 3);
  turns.request();
  turns.request();
  t.equal(steps, 0, 'not at once');
  for (const expected of [1, 2, 3, 3]) {
    await loopTurn();
    t.equal(steps, expected);
  }
});

t.test('each turn has its own time, and is spent after it', async (t) => {
  const clock = new ManualClock();
  const seen: boolean[] = [];
  const turns = new TurnLoop(clock, 3, (turn) => {
    seen.push(turn.isSpent());
    clock.advance(2);
    seen.push(turn.isSpent());
    clock.advance(1);
    seen.push(turn.isSpent());
    return seen.length < 6;
  });
  turns.request();
  await loopTurn();
  await loopTurn();
  t.same(seen, [false, false, true, false, false, true]);
});

t.test('work outside the step shares the time of the turn with it', async (t) => {
  const clock = new ManualClock();
  const stepped: Turn[] = [];
  const turns = new TurnLoop(clock, 3, (turn) => stepped.push(turn) < 0);
  const turn = turns.current();
  t.equal(turns.current(), turn, 'one turn');
  clock.advance(3);
  t.ok(turn.isSpent());
  turns.request();
  await loopTurn();
  t.equal(stepped[0], turn);
  t.not(turns.current(), turn, 'and the next is another');
  await loopTurn();
  t.notOk(turns.current().isSpent(), 'with a time of its own, though nothing was stepped');
});

t.test('the time of a turn may change from one to the next', async (t) => {
  const clock = new ManualClock();
  let turnMs = 1;
  const turns = new TurnLoop(
    clock,
    () => turnMs,
    () => false,
  );
  const short = turns.current();
  clock.advance(1);
  t.ok(short.isSpent());
  await loopTurn();
  turnMs = 5;
  const long = turns.current();
  clock.advance(4);
  t.notOk(long.isSpent());
});

t.test('a loop that is stopped takes no step', async (t) => {
  let steps = 0;
  const turns = new TurnLoop(new ManualClock(), 3, () => ++steps < 9);
  turns.request();
  turns.stop();
  await loopTurn();
  t.equal(steps, 0);
});
