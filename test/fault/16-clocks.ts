import { BusServer, systemClock, type Clock } from '../../server/index.js';
import { unixMillis } from '../../protocol/index.js';
import { TYPE } from './life.js';
import type { Observer } from './support/observer.js';
import { held, insist, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;

/** The system's clock with a wall that can be set. */
class SetClock implements Clock {
  setMs = 0;
  now = () => unixMillis(systemClock.now() + this.setMs);
  elapsed = () => systemClock.elapsed();
  after = (delayMs: number, call: () => void) => systemClock.after(delayMs, call);
  nextTurn = (call: () => void) => systemClock.nextTurn(call);
}

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

function expiredOf(observer: Observer): string[] {
  const events = observer.entries.flatMap((entry) => (entry.is === 'events' ? entry.events : []));
  return events.filter(([, type]) => type === TYPE.expired).map((event) => event[3]);
}

/** The wall clock jumps an hour ahead and comes back, then an hour back and comes again. */
async function jump(context: FaultContext): Promise<void> {
  const repository = context.repository();
  const clock = new SetClock();
  const server = new BusServer({ root: repository.root, port: 0, heartbeatMs: 50, journal: false }, clock);
  const endpoint = await server.start();
  context.cleanup(() => server.stop());
  const observer = context.observer('watcher', { address: () => endpoint });
  await until('the watcher is live', () => observer.isLive);
  clock.setMs = HOUR_MS;
  repository.rename('reservation', 'long', { expires_at: inMs(30 * 60_000) });
  await pause(1_500);
  // Every look at leases in between must leave it alone.
  for (let i = 0; i < 20; i++) repository.rename('task', 'busy', { n: i });
  await pause(300);
  insist(expiredOf(observer).length === 0, () => 'a jump ahead ended a lease at once');
  clock.setMs = 0;
  repository.rename('reservation', 'short', { expires_at: inMs(1_000) });
  await until('a lease ends after a jump that was taken back', () => expiredOf(observer).includes('short'), 5_000);
  repository.rename('reservation', 'held', { expires_at: inMs(1_500) });
  clock.setMs = -HOUR_MS;
  await pause(2_000);
  insist(!expiredOf(observer).includes('held'), () => 'a lease ended though the wall says that it has not');
  clock.setMs = 0;
  repository.rename('task', 'busy', { n: 'again' });
  // The wall is an hour ahead of where it was: that is doubted, and believed after a minute.
  const patienceMs = context.isLong ? 90_000 : 0;
  if (patienceMs > 0) await until('no lease is immortal', () => expiredOf(observer).includes('held'), patienceMs);
  insist(!expiredOf(observer).includes('long'), () => 'a lease ended half an hour early');
}

/**
 * Stopped past a deadline, while its holder beats in time.
 * @returns whether it was: on a busy machine the deadline may come before the stop.
 */
async function stopPast(context: FaultContext, leaseMs: number): Promise<boolean> {
  const repository = context.repository();
  const bus = await context.bus(repository.root);
  const observer = context.observer('watcher', { address: () => bus.endpoint });
  await until('the watcher is live', () => observer.isLive);
  const deadline = Date.now() + leaseMs;
  const expires_at = new Date(deadline).toISOString();
  repository.rename('reservation', 'kept', { reservation_id: 'kept', expires_at });
  repository.rename('reservation', 'lapsing', { expires_at });
  await until('both are known', () => observer.events >= 2);
  bus.signal('SIGSTOP');
  repository.rename('heartbeat', 'beat', { reservation_id: 'kept', extended_expires_at: inMs(60_000) });
  if (Date.now() >= deadline) {
    await bus.kill();
    return false;
  }
  // In time to be late: beyond what counts as a pause, or not.
  await pause(deadline - Date.now() + context.below(context.isLong ? 3_000 : 1_500));
  bus.signal('SIGCONT');
  await until('the other lease ends', () => expiredOf(observer).includes('lapsing'));
  await pause(300);
  insist(!expiredOf(observer).includes('kept'), () => 'a lease ended that its holder had prolonged in time');
  insist(expiredOf(observer).length === 1, () => `expired: ${expiredOf(observer).join(', ')}`);
  await bus.kill();
  return true;
}

export const clocks: FaultRun = {
  row: 16,
  name: '16-clocks',
  invariant: 'no early expiry from a jump ahead, no immortal lease after one back',
  fault:
    'the wall clock set by ±1 h (a clock in the process); the server stopped past a deadline while its holder beats',
  async run(context) {
    const rounds = context.size(1, 10);
    await jump(context);
    for (let round = 0, leaseMs = 700; round < rounds;) {
      if (await stopPast(context, leaseMs)) round++;
      else leaseMs *= 2;
    }
    return held(rounds + 1);
  },
};
