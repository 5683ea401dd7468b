import { BusServer, systemClock, type Clock } from '../../server/index.js';
import { unixMillis } from '../../protocol/index.js';
import { TYPE } from './client-history.js';
import type { Observer } from './support/observer.js';
import { held, insist, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;

/** The system's clock, whose wall clock can be set. */
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
  // Each event makes the server check its leases; the lease must not end.
  for (let i = 0; i < 20; i++) repository.rename('task', 'busy', { n: i });
  await pause(300);
  insist(expiredOf(observer).length === 0, () => 'a jump of the clock ahead ended a lease at once');
  clock.setMs = 0;
  repository.rename('reservation', 'short', { expires_at: inMs(1_000) });
  await until('a lease ends after a jump that was taken back', () => expiredOf(observer).includes('short'), 5_000);
  repository.rename('reservation', 'held', { expires_at: inMs(1_500) });
  clock.setMs = -HOUR_MS;
  await pause(2_000);
  insist(!expiredOf(observer).includes('held'), () => 'a lease ended before its end by the wall clock');
  clock.setMs = 0;
  repository.rename('task', 'busy', { n: 'again' });
  // The wall clock is an hour ahead of where it was: the server accepts that only after a minute.
  if (context.isLong) await until('the lease has ended', () => expiredOf(observer).includes('held'), 90_000);
  insist(!expiredOf(observer).includes('long'), () => 'a lease ended half an hour early');
}

/**
 * Stops the server past a deadline, while the holder of the lease sends a heartbeat in time.
 * @returns whether that succeeded: on a busy machine the deadline may pass before the heartbeat is written
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
  // The server continues after the deadline, sometimes so late that it counts as a pause of the process.
  await pause(deadline - Date.now() + context.below(context.isLong ? 3_000 : 1_500));
  bus.signal('SIGCONT');
  await until('the other lease ends', () => expiredOf(observer).includes('lapsing'));
  await pause(300);
  insist(!expiredOf(observer).includes('kept'), () => 'a lease ended that its holder had extended in time');
  insist(expiredOf(observer).length === 1, () => `expired: ${expiredOf(observer).join(', ')}`);
  await bus.kill();
  return true;
}

export const clocks: FaultRun = {
  row: 16,
  name: '16-clocks',
  invariant: 'no early expiry from a clock jump ahead, no endless lease after a jump back',
  fault:
    'the wall clock set by ±1 h (a clock in the process); the server stopped past a deadline while its holder sends heartbeats',
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
