import t from 'tap';
import { Deadline } from '../../client/cli/terminal/deadline.js';
import { connect } from '../../client/sdk/index.js';
import { BusServer } from '../../server/index.js';
import { systemClock, type Clock } from '../../server/runtime/clock.js';
import { unixMillis } from '../../protocol/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { HttpClient } from '../support/http-client.js';
import { loadNativeEngine } from '../../server/network/uws/native-engine.js';
import { TRANSPORTS } from '../support/running-server.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { until } from '../support/until.js';

const native = loadNativeEngine([]);
const SKIPPED = { uws: native.is === 'unavailable' && native.said, ws: false } as const;
const HOUR_MS = 3_600_000;

/** The clock of a machine that can be sent to sleep: its timers go on afterwards as if nothing had been. */
class SleepingClock implements Clock {
  readonly after = systemClock.after;
  readonly nextTurn = systemClock.nextTurn;
  #sleptMs = 0;

  constructor(readonly elapsedInSleep: NonNullable<Clock['elapsedInSleep']>) {}

  now(): ReturnType<Clock['now']> {
    return unixMillis(systemClock.now() + this.#sleptMs);
  }

  elapsed(): number {
    return systemClock.elapsed() + (this.elapsedInSleep === 'stops' ? 0 : this.#sleptMs);
  }

  sleep(ms: number): void {
    this.#sleptMs += ms;
  }
}

for (const [platform, elapsedInSleep] of [
  ['Linux', 'stops'],
  ['macOS and Windows', 'may-go-on'],
] as const)
  for (const transport of TRANSPORTS)
    t.test(
      `${platform}, ${transport}: a machine that wakes ends no lease, its server says so, and serves its clients`,
      { skip: SKIPPED[transport] },
      async (t) => {
        const repository = new TemporaryRepository();
        const clock = new SleepingClock(elapsedInSleep);
        const server = new BusServer({ root: repository.root, port: 0, transport, journal: false }, clock);
        t.teardown(async () => {
          await server.stop();
          repository.dispose();
        });
        const expires_at = new Date(clock.now() + HOUR_MS / 2).toISOString();
        repository.rename('reservation', 'r', { reservation_id: 'r', expires_at, addresses: ['file:a'] });
        const http = new HttpClient(await server.start());
        const ready = async (): Promise<Record<string, unknown>> =>
          (await (await http.get('/readyz')).json()) as Record<string, unknown>;
        t.notHas(await ready(), { leases_wait: String });
        await using bus = await connect({ root: repository.root });
        const told: string[] = [];
        const updates = bus.subscribe();
        void (async () => {
          for await (const update of updates.updates()) if (update.type === 'event') told.push(update.event.event_type);
        })();
        await until('the reservation is told', () => told.length > 0);
        clock.sleep(HOUR_MS);
        t.match(await ready(), { leases_wait: /slept|stopped/, status: 'ready' });
        await bus.sync();
        t.notOk(told.includes('expired'), 'no lease has ended');
        const leftMs = ((await ready())['leases_wait_until_ms'] as number) - clock.now();
        t.ok(leftMs > 40_000 && leftMs <= 60_000, 'holders have a minute');
        repository.rename('heartbeat', 'h', {
          reservation_id: 'r',
          extended_expires_at: new Date(clock.now() + HOUR_MS).toISOString(),
        });
        await until('the heartbeat is told', () => told.length > 1);
        t.equal(bus.status.state, 'live');
      },
    );

/** Timers that stand still in a sleep, while the clock for durations may go on. */
class TimersAsleep extends ManualClock {
  #sleptMs = 0;

  constructor(private readonly elapsedInSleep: NonNullable<Clock['elapsedInSleep']>) {
    super();
  }

  override elapsed(): number {
    return super.elapsed() + this.#sleptMs;
  }

  sleep(ms: number): void {
    this.setWallClock(ms);
    if (this.elapsedInSleep === 'may-go-on') this.#sleptMs += ms;
  }
}

for (const [platform, elapsedInSleep, leftMs] of [
  ['Linux', 'stops', 20_000],
  ['macOS and Windows', 'may-go-on', 1_000],
] as const)
  t.test(`${platform}: a command with --timeout 30 ends ${String(leftMs)} ms after a sleep of an hour`, (t) => {
    const clock = new TimersAsleep(elapsedInSleep);
    let isOver = false;
    const deadline = new Deadline(30_000, () => (isOver = true), clock);
    deadline.restart();
    clock.advance(10_000);
    clock.sleep(HOUR_MS);
    clock.advance(leftMs - 1);
    t.notOk(isOver);
    clock.advance(1);
    t.ok(isOver);
    t.end();
  });
