import t from 'tap';
import { OriginLiveness } from '../../../server/relay/origin-liveness.js';
import type { AliveMessage } from '../../../server/relay/alive-message.js';
import { ManualClock } from '../../support/manual-clock.js';

const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 5 };

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

t.test("the time is the origin's, by the fastest of the last messages", async (t) => {
  const edge = new Edge(90_000).hear(40).hear(2).hear(300);
  t.equal(edge.presence.now() - edge.clock.now(), 90_000 - 2);
  for (let i = 0; i < 16; i++) edge.hear(10);
  t.equal(edge.presence.now() - edge.clock.now(), 90_000 - 10, 'what was long ago no longer counts');
});

t.test(
  'an origin whose messages are missing for three of its intervals is away, and its files count as unwatched',
  async (t) => {
    const edge = new Edge(0).hear();
    t.strictSame(edge.presence.health, { ...HEALTH, origin: 'present' });
    edge.clock.advance(3_400);
    t.ok(edge.presence.isPresent);
    const heardAt = edge.clock.now() - 3_400;
    edge.clock.advance(200);
    t.strictSame(edge.presence.health, { ...HEALTH, healthy: false, origin: 'away', origin_heard_ms: heardAt });
    t.equal(edge.hear().presence.health.origin, 'present');
  },
);

t.test('before the first message the origin is away', async (t) => {
  t.strictSame(new Edge(0).presence.health, { backend: 'relay', healthy: false, last_scan_ms: 0, origin: 'away' });
});

t.test('only the origin that publishes counts: alive messages of another are ignored', async (t) => {
  const edge = new Edge(0).hear();
  edge.presence.follows('b');
  t.notOk(edge.presence.isPresent, 'another has taken over');
  t.notOk(edge.hear().presence.isPresent, 'and the first one may still believe that it publishes');
  t.ok(edge.hear(0, { origin: 'b' }).presence.isPresent);
});

t.test("the edge's own wall clock has no effect", async (t) => {
  const edge = new Edge(0).hear().hear();
  const origin = edge.clock.now();
  edge.clock.setWallClock(3_600_000);
  t.equal(edge.presence.now(), origin);
});

t.test(
  "an origin's clock that was set back is accepted at once: with the old time, leases would appear to have ended",
  async (t) => {
    const edge = new Edge(90_000).hear().hear();
    const message = { origin: 'a', epoch: 'E', revision: 7, alive_ms: 1_000, health: HEALTH };
    const now = edge.clock.now() + 30_000;
    edge.presence.heard({ ...message, now });
    t.equal(edge.presence.now(), now);
  },
);
