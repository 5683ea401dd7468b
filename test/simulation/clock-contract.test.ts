import t, { type Test } from 'tap';
import { systemClock, type Clock } from '../../server/runtime/clock.js';
import { SimulatedHost, SimulatedProcess } from './machine/simulated-process.js';
import { SimulatedTime } from './machine/simulated-time.js';

interface ClockWorld {
  readonly clock: Clock;
  /** Resolves after a time. */
  pass(ms: number): Promise<void>;
}

const realWorld = (): ClockWorld => ({
  clock: systemClock,
  pass: (ms) => new Promise((resolve) => systemClock.after(ms, resolve)),
});

function simulatedWorld(t: Test): ClockWorld {
  const time = new SimulatedTime();
  const process = new SimulatedProcess('contract', new SimulatedHost(time), (_process, error) => t.fail(String(error)));
  return { clock: process, pass: (ms) => time.run(time.now + ms) };
}

/** A timer counts whole milliseconds of the loop, whose time may be a part of one behind. */
const EARLY_MS = 1;

for (const [kind, worldFor] of Object.entries({ 'the system': realWorld, simulated: simulatedWorld })) {
  t.test(`clock: ${kind}`, async (t) => {
    t.test('timers come in the order of their delays, a turn comes by itself, and nothing at once', async (t) => {
      const { clock, pass } = worldFor(t);
      const called: string[] = [];
      const from = clock.elapsed();
      clock.after(20, () => {
        called.push('20');
        t.ok(clock.elapsed() - from >= 20 - EARLY_MS);
      });
      clock.after(8, () => called.push('8'));
      clock.after(8, () => called.push('8 again'));
      let turns = 0;
      clock.nextTurn(() => turns++);
      t.same([called, turns], [[], 0]);
      await pass(60);
      // A machine that is busy does its timers first.
      await pass(1);
      t.same(called, ['8', '8 again', '20']);
      t.equal(turns, 1);
    });

    t.test('what was cancelled is not called, nor what is a long way off', async (t) => {
      const { clock, pass } = worldFor(t);
      const called: string[] = [];
      const cancels = [
        clock.after(0, () => called.push('timer')),
        clock.nextTurn(() => called.push('turn')),
        clock.after(2 ** 40, () => called.push('in thirty years')),
      ];
      for (const cancel of cancels.slice(0, 2)) cancel();
      await pass(5);
      t.same(called, []);
      for (const cancel of cancels) cancel();
    });

    t.test('the wall clock counts whole milliseconds, and both clocks go on', async (t) => {
      const { clock, pass } = worldFor(t);
      const [now, elapsed] = [clock.now(), clock.elapsed()];
      t.ok(Number.isInteger(now));
      await pass(10);
      t.ok(clock.now() > now);
      t.ok(clock.elapsed() >= elapsed + 10 - EARLY_MS);
    });
  });
}
