import t from 'tap';
import type { ServedBus } from '../../../server/inspection/served-bus.js';
import { drain } from '../../../server/network/drain.js';
import { ManualClock } from '../../support/manual-clock.js';

interface Told {
  readonly at: number;
  readonly code: number;
  readonly reason: string;
}

/** A bus of connections that leave when they are told to, if they do. */
function busOf(count: number, clock: ManualClock, told: Told[], leaves = true): ServedBus {
  const sessions = new Set<object>();
  const from = clock.elapsed();
  for (let i = 0; i < count; i++) {
    const session = {
      shutdown: () => undefined,
      end: (code: number, reason: string) => {
        told.push({ at: clock.elapsed() - from, code, reason });
        if (leaves) sessions.delete(session);
      },
    };
    sessions.add(session);
  }
  const supervisor = { contain: (_where: string, act: () => void) => (act(), true) };
  return { sessions, supervisor } as unknown as ServedBus;
}

async function pass(clock: ManualClock, done: Promise<void>): Promise<void> {
  const state = { isDone: false };
  void done.then(() => (state.isDone = true));
  for (let i = 0; i < 200 && !state.isDone; i++) {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('clients are sent elsewhere evenly over the time, each with a hint', async (t) => {
  const clock = new ManualClock();
  const told: Told[] = [];
  await pass(clock, drain(busOf(1_000, clock, told), clock, 2_000));
  t.equal(told.length, 1_000);
  t.match(told[0], { code: 1001, reason: 'shutdown retry=50' });
  const half = told.filter(({ at }) => at < 1_000).length;
  t.ok(half >= 490 && half <= 510, `${String(half)} in the first half`);
  t.ok(told.at(-1)!.at < 2_000);
});

t.test('one that does not leave is told once, and is not waited for longer', async (t) => {
  const clock = new ManualClock();
  const told: Told[] = [];
  const from = clock.elapsed();
  await pass(clock, drain(busOf(3, clock, told, false), clock, 200));
  t.equal(told.length, 3);
  t.ok(clock.elapsed() - from <= 250);
});

t.test('a bus without connections needs no time', async (t) => {
  const clock = new ManualClock();
  await drain(busOf(0, clock, []), clock, 60_000);
  t.pass('it ended at once');
});
