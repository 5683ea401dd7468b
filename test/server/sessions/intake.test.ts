import t from 'tap';
import { Intake, type MessageSource } from '../../../server/sessions/intake.js';
import { ManualClock } from '../../support/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Has numbered messages, each of which takes a millisecond to handle. */
class Numbered implements MessageSource {
  #n = 0;

  constructor(
    private readonly name: string,
    private readonly count: number,
    private readonly clock: ManualClock,
    private readonly heard: string[],
  ) {}

  handleNext(): boolean {
    this.heard.push(`${this.name}${String(++this.#n)}`);
    this.clock.advance(1);
    return this.#n < this.count;
  }
}

t.test('a message is handled at once while the turn has time, and waits after that', async (t) => {
  const clock = new ManualClock();
  const intake = new Intake(clock);
  t.ok(intake.hasTime());
  clock.advance(3);
  t.ok(intake.hasTime());
  clock.advance(1);
  t.notOk(intake.hasTime(), 'four milliseconds are a turn');
  await turn();
  t.ok(intake.hasTime(), 'the next turn has its own');
});

t.test('waiting connections are served in round robin, one message each, and before new messages', async (t) => {
  const clock = new ManualClock();
  const intake = new Intake(clock);
  const heard: string[] = [];
  intake.add(new Numbered('flood', 1_000, clock, heard));
  intake.add(new Numbered('honest', 2, clock, heard));
  t.notOk(intake.hasTime(), 'who comes now waits behind them');
  await turn();
  t.same(heard, ['flood1', 'honest1', 'flood2', 'honest2'], 'a turn is over after four milliseconds');
  await turn();
  t.same(heard.slice(4), ['flood3', 'flood4', 'flood5', 'flood6']);
  intake.stop();
});

t.test('the messages of a closed connection are not handled', async (t) => {
  const clock = new ManualClock();
  const intake = new Intake(clock);
  const heard: string[] = [];
  const gone = new Numbered('gone', 5, clock, heard);
  intake.add(gone);
  intake.delete(gone);
  await turn();
  t.same(heard, []);
});
