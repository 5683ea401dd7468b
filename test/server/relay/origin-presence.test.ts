import t from 'tap';
import { OriginLiveness } from '../../../server/relay/origin-liveness.js';
import { ProgressCheck, type Progress } from '../../../server/relay/progress-check.js';
import type { AliveMessage } from '../../../server/relay/alive-message.js';
import { ManualClock } from '../../support/manual-clock.js';

const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 5 };
const ALIVE = { origin: 'a', epoch: 'E', revision: 7, alive_ms: 1_000, health: HEALTH };

/** An edge whose origin's clock is ahead of its own. */
class Edge {
  readonly clock = new ManualClock();
  readonly presence = new OriginLiveness(this.clock);

  constructor(private readonly aheadMs: number) {}

  hear(delayMs = 0, more: Partial<AliveMessage> = {}): this {
    const now = this.clock.now() + this.aheadMs;
    this.clock.advance(delayMs);
    const message = { origin: 'a', epoch: 'E', revision: 7, now, alive_ms: 1_000, health: HEALTH, ...more };
    this.presence.heard(message);
    return this;
  }
}

t.test('the time is that of the origin, by the fastest of the last heartbeats', async (t) => {
  const edge = new Edge(90_000).hear(40).hear(2).hear(300);
  t.equal(edge.presence.now() - edge.clock.now(), 90_000 - 2);
  for (let i = 0; i < 16; i++) edge.hear(10);
  t.equal(edge.presence.now() - edge.clock.now(), 90_000 - 10, 'what was long ago no longer counts');
});

t.test('an origin without a heartbeat for three intervals is away, and its files count as unwatched', async (t) => {
  const edge = new Edge(0).hear();
  t.strictSame(edge.presence.health, { ...HEALTH, origin: 'present' });
  edge.clock.advance(3_400);
  t.ok(edge.presence.isPresent);
  const heardAt = edge.clock.now() - 3_400;
  edge.clock.advance(200);
  t.strictSame(edge.presence.health, { ...HEALTH, healthy: false, origin: 'away', origin_heard_ms: heardAt });
  t.equal(edge.hear().presence.health.origin, 'present');
});

t.test('before the first heartbeat the origin is away', async (t) => {
  t.strictSame(new Edge(0).presence.health, { backend: 'relay', healthy: false, last_scan_ms: 0, origin: 'away' });
});

t.test('heartbeats of an origin that does not publish are ignored', async (t) => {
  const edge = new Edge(0).hear();
  edge.presence.follows('b');
  t.notOk(edge.presence.isPresent, 'another has taken over');
  t.notOk(edge.hear().presence.isPresent, 'and the first one may still believe that it publishes');
  t.ok(edge.hear(0, { origin: 'b' }).presence.isPresent);
});

t.test("the edge's own wall clock does not matter", async (t) => {
  const edge = new Edge(0).hear().hear();
  const origin = edge.clock.now();
  edge.clock.setWallClock(3_600_000);
  t.equal(edge.presence.now(), origin);
});

t.test(
  "an origin's clock that was set back is followed at once: ahead of it leases would seem to have ended",
  async (t) => {
    const edge = new Edge(90_000).hear().hear();
    const message = { origin: 'a', epoch: 'E', revision: 7, alive_ms: 1_000, health: HEALTH };
    const now = edge.clock.now() + 30_000;
    edge.presence.heard({ ...message, now });
    t.equal(edge.presence.now(), now);
  },
);

t.test("an answer tells that the origin's clock was set back, before any sign of life does", async (t) => {
  const { clock, presence } = new Edge(90_000).hear().hear();
  presence.follows('a');
  const ask = (aheadMs: number, origin = 'a'): number => {
    const askedAt = clock.elapsed();
    clock.advance(40);
    const now = clock.now() + aheadMs;
    clock.advance(10);
    presence.answered({ ...ALIVE, origin, now }, askedAt, clock.elapsed());
    return presence.now() - clock.now();
  };
  t.equal(ask(30_000, 'b'), 90_000, 'of another origin it says nothing');
  t.equal(ask(90_000), 90_000, 'one that agrees is no better than what is known');
  t.equal(ask(30_000), 30_000 - 10, 'never ahead: how long it was on its way is not known');
});

t.test(
  'an answer tells that the last sign of life was held up on its way: by it, leases would seem to be held',
  async (t) => {
    const { clock, presence } = new Edge(0).hear().hear();
    clock.advance(5_000);
    presence.heard({ ...ALIVE, now: clock.now() - 3_000 });
    t.equal(presence.now() - clock.now(), -3_000);
    presence.answered({ ...ALIVE, now: clock.now() - 1 }, clock.elapsed() - 2, clock.elapsed());
    t.equal(presence.now() - clock.now(), -1);
  },
);

t.test('an answer is a sign of life: what cannot be seen is known before the next of the regular ones', async (t) => {
  const { clock, presence } = new Edge(0).hear();
  const health = { ...HEALTH, healthy: false, state: 'suspect' } as const;
  const heardAt = clock.elapsed();
  clock.advance(5_000);
  presence.answered({ ...ALIVE, now: clock.now() - 4_000, health }, heardAt, heardAt + 1_000);
  t.match(presence.health, { state: 'suspect', origin: 'away' }, 'as old as when it was heard');
  presence.heard({ ...ALIVE, now: clock.now() });
  presence.answered({ ...ALIVE, now: clock.now() - 4_000, health }, heardAt, heardAt + 1_000);
  t.strictSame(presence.health, { ...HEALTH, origin: 'present' }, 'what was heard later counts');
});

t.test('where nothing is signed, an origin is heard again although another has counted ahead of it', async (t) => {
  for (const isSigned of [true, false]) {
    const clock = new ManualClock();
    const presence = new OriginLiveness(clock, isSigned);
    const hear = (beat: number): boolean => presence.heard({ ...ALIVE, now: clock.now(), beat });
    hear(1);
    hear(Number.MAX_SAFE_INTEGER);
    t.strictSame([2, 3, 4, 5].map(hear), [false, false, !isSigned, !isSigned]);
    t.strictSame([5, 5, 5, 5].map(hear), [false, false, false, false], 'one that is sent again proves nothing');
  }
});

/** What is done when heartbeats name `said`, `served` is served, and the origin answers `now`. */
async function doneAfter(heartbeats: number, said: Progress, served: Progress, now = said): Promise<string[]> {
  const done: string[] = [];
  const check = new ProgressCheck({
    served: () => served,
    ask: () => Promise.resolve(now),
    stuck: () => done.push('stuck'),
    ahead: () => done.push('ahead'),
  });
  for (let i = 0; i < heartbeats; i++) check.heard(said);
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

t.test('heartbeats tell that nothing arrives, and that what is served is more than the origin has', async (t) => {
  const served = { epoch: 'E', revision: 7 };
  t.strictSame(await doneAfter(20, served, served), []);
  t.strictSame(await doneAfter(5, { epoch: 'E', revision: 8 }, served), [], 'it may be on its way');
  t.strictSame(await doneAfter(6, { epoch: 'E', revision: 8 }, served), ['stuck']);
  t.strictSame(await doneAfter(6, { epoch: 'F', revision: 1 }, served), ['stuck'], 'a new epoch counts from 1');
  t.strictSame(await doneAfter(6, { epoch: 'E', revision: 6 }, served), ['ahead']);
  t.strictSame(await doneAfter(6, { epoch: 'E', revision: 6 }, served, served), [], 'heartbeats may be late');
});
