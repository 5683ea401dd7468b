import t from 'tap';
import { EdgeCondition } from '../../../server/relay/edge-condition.js';
import { HeartbeatDelay } from '../../../server/relay/heartbeat-delay.js';
import type { Served } from '../../../server/relay/freshness.js';
import { silentLog, type Log } from '../../../server/runtime/log.js';
import { ManualClock } from '../../support/manual-clock.js';

const HEALTH = { backend: 'inotify', healthy: true, last_scan_ms: 5 };

/** An edge that may be 15 seconds behind. */
class Edge {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  served: Served | undefined;
  isOriginPresent = false;
  failure: string | undefined;
  /** Why another connection to NATS fails; `undefined` if it does not. */
  unreachable: string | undefined;
  attempts = 0;
  /** What becomes of the connection to NATS. */
  changed: (state: 'broken' | 'back') => void = () => undefined;
  refused: (why: string) => void = () => undefined;
  /** What the stream was told of it. */
  readonly told: string[] = [];
  readonly condition: EdgeCondition;
  readonly #delay = new HeartbeatDelay();

  constructor() {
    const say = (_fields: object, message: string): void => void this.lines.push(message);
    const log: Log = { ...silentLog, info: say, warn: say };
    this.condition = new EdgeCondition({
      clock: this.clock,
      log,
      maxStalenessMs: 15_000,
      isOriginPresent: () => this.isOriginPresent,
      served: () => this.served,
      sequence: () => 7,
      failure: () => this.failure,
      connect: () => {
        this.attempts++;
        if (this.unreachable === undefined) return Promise.resolve({ close: () => Promise.resolve() });
        return Promise.reject(Object.assign(new Error('at 10.0.0.1'), { code: this.unreachable }));
      },
    });
    this.condition.start();
  }

  connect(): this {
    const watchConnection = (changed: typeof this.changed, refused: typeof this.refused = () => undefined): void => {
      [this.changed, this.refused] = [changed, refused];
    };
    const [disconnected, reconnected] = ['broken', 'back'].map((what) => () => void this.told.push(what));
    this.condition.watch({ watchConnection }, { disconnected: disconnected!, reconnected: reconnected! });
    return this;
  }

  hear(revision: number, epoch = 'E', delayMs = 0): this {
    this.isOriginPresent = true;
    const message = { origin: 'a', epoch, revision, now: 0, alive_ms: 1_000, health: HEALTH };
    const lateMs = this.#delay.of({ origin: 'a', up: this.clock.elapsed() - delayMs }, this.clock.elapsed());
    this.condition.heard(message, lateMs);
    return this;
  }

  serve(revision: number, epoch = 'E'): this {
    this.served = { revision, epoch };
    this.condition.advanced();
    return this;
  }

  pass(seconds: number): this {
    for (let i = 0; i < seconds; i++) this.clock.advance(1_000);
    return this;
  }

  get why(): string {
    const { readiness } = this.condition;
    return readiness.ready ? '' : readiness.why;
  }
}

t.test('an edge is ready while what it serves is known to be younger than the bound', async (t) => {
  const edge = new Edge();
  t.match(edge.why, 'NATS has not answered yet');
  edge.condition.contact.unreached('NATS cannot be reached (ENOTFOUND)');
  t.match(edge.why, /ENOTFOUND/);
  edge.connect();
  t.match(edge.why, 'there are no records yet');
  edge.serve(5);
  t.match(edge.why, 'it is not known how old the records are: the origin has not been heard yet');
  edge.hear(5);
  t.equal(edge.why, '');
  edge.pass(15);
  t.equal(edge.why, '', 'the bound itself is allowed');
  edge.isOriginPresent = false;
  edge.pass(1);
  t.match(edge.why, 'the records may be older than 15 s (--max-staleness): the origin is away');
  edge.changed('broken');
  t.match(edge.why, 'NATS is lost');
});

t.test('why a lost NATS cannot be reached again is what another connection meets', async (t) => {
  const edge = new Edge().connect().serve(5).hear(5);
  edge.unreachable = 'ECONNREFUSED';
  const passed = async (seconds: number): Promise<string | undefined> => {
    edge.pass(seconds);
    // A connection is made, and closed, meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
    return edge.condition.obstacle;
  };
  edge.changed('broken');
  t.equal(await passed(2), 'NATS is lost');
  t.equal(edge.attempts, 0, 'a short interruption needs none');
  t.equal(await passed(1), 'NATS is lost (ECONNREFUSED)');
  edge.unreachable = 'CERT_HAS_EXPIRED';
  t.equal(await passed(15), 'NATS is lost (CERT_HAS_EXPIRED)');
  t.equal(edge.attempts, 2);
  edge.unreachable = undefined;
  t.equal(await passed(15), 'NATS is lost', 'it can be reached, and the connection will be back');
  edge.changed('back');
  t.equal(await passed(60), undefined);
  t.equal(edge.attempts, 3);
  edge.changed('broken');
  t.equal(await passed(2), 'NATS is lost', 'the reason of one loss is not that of the next');
  edge.condition.stop();
  await passed(60);
  t.equal(edge.attempts, 3);
  t.equal(edge.lines.filter((line) => line === 'NATS cannot be reached again: at 10.0.0.1').length, 1);
});

t.test('what was heard before a sleep of the machine is as old as the sleep was long', async (t) => {
  const edge = new Edge().serve(5).hear(5).hear(6);
  // The monotonic clock of Linux stands still in a sleep.
  edge.clock.setWallClock(3_600_000);
  t.match(edge.why, 'the records may be older than 15 s');
  t.equal(Math.round(edge.condition.staleMs! / 1_000), 3_600);
  edge.serve(6);
  t.match(edge.why, 'the records may be older than 15 s', 'also what is reached after it');
  edge.hear(6);
  t.equal(edge.why, '', 'the next heartbeat is of now');
  edge.clock.setWallClock(4_000);
  t.equal(edge.condition.staleMs, 0, 'a clock that is corrected by little is no sleep');
});

t.test('what NATS refuses, and why the stream is not followed, is the reason that is told', async (t) => {
  const edge = new Edge();
  edge.connect();
  edge.failure = 'the stream holds no base';
  t.equal(edge.why, 'there are no records yet: the stream holds no base');
  edge.refused('Permissions Violation');
  t.equal(edge.why, 'there are no records yet: NATS refuses: Permissions Violation');
  edge.serve(5).hear(5);
  edge.changed('broken');
  for (let i = 0; i < 20; i++) {
    edge.pass(1);
    edge.refused('Authorization Violation');
  }
  t.equal(edge.why, 'the records may be older than 15 s (--max-staleness): NATS refuses: Authorization Violation');
  t.equal(edge.lines.filter((line) => line === 'NATS refuses: Authorization Violation').length, 1, 'and logged once');
  edge.pass(11);
  t.match(edge.why, /: NATS is lost$/, 'what was refused long ago explains nothing');
  edge.changed('back');
  t.strictSame(edge.told, ['broken', 'back']);
});

t.test('an origin that lives and publishes nothing is told from one that is away', async (t) => {
  const edge = new Edge().connect().serve(5).hear(5);
  edge.isOriginPresent = false;
  for (let i = 0; i < 16; i++) {
    edge.condition.heardSilent('the stream is sealed');
    edge.pass(1);
  }
  t.match(edge.why, 'the origin is away: it lives and publishes nothing: the stream is sealed');
  t.ok(edge.lines.includes('the origin is away: it lives and publishes nothing: the stream is sealed'));
  for (let i = 0; i < 16; i++) {
    edge.condition.heardSilent(i % 2 === 0 ? `wrong last sequence: ${String(i)}` : 'the stream is sealed');
    edge.pass(1);
  }
  t.equal(edge.lines.filter((line) => line.startsWith('not ready')).length, 2, 'each reason is logged once');
  edge.pass(6);
  t.match(edge.why, /: the origin is away$/);
});

t.test('an origin whose heartbeats are signed with another key is told from one that is away', async (t) => {
  const edge = new Edge().connect().serve(5).hear(5);
  edge.isOriginPresent = false;
  for (let i = 0; i < 16; i++) {
    edge.condition.heardUnsigned();
    edge.pass(1);
  }
  t.match(edge.why, 'the origin is away: heartbeats come that are not signed with a key that was given');
  t.ok(edge.lines.some((line) => line.startsWith('the origin is away: heartbeats come that are not signed')));
  edge.pass(6);
  t.match(edge.why, /: the origin is away$/);
});

t.test('an edge that falls behind is as old as the last heartbeat whose events have all arrived', async (t) => {
  const edge = new Edge().connect().serve(5).hear(5);
  for (let revision = 6; revision <= 21; revision++) edge.pass(1).hear(revision);
  t.match(edge.why, 'events are missing', 'heartbeats alone prove nothing');
  t.equal(edge.condition.staleMs, 16_000);
  edge.serve(18);
  t.equal(edge.condition.staleMs, 3_000, 'from when revision 18 was the last one');
  t.equal(edge.why, '');
});

t.test('revisions of another epoch prove nothing about this one', async (t) => {
  const edge = new Edge().serve(50).hear(3, 'F').pass(3);
  t.equal(edge.condition.staleMs, undefined);
  edge.serve(3, 'F');
  t.equal(edge.condition.staleMs, 3_000);
});

t.test('a heartbeat that was held back says what was true when it was sent', async (t) => {
  const edge = new Edge().connect().serve(5).hear(5).pass(20);
  for (const delayMs of [19_000, 18_000, 17_000]) edge.hear(5, 'E', delayMs);
  t.equal(edge.condition.staleMs, 17_000);
  t.match(edge.why, 'events are missing');
  edge.hear(5);
  t.equal(edge.why, '');
  edge.pass(10);
  // The machine of the origin was suspended: its monotonic clock stood still. After a minute nothing is compared with what was before.
  for (let i = 0; i < 61; i++) edge.pass(1).hear(5, 'E', 9_000);
  t.equal(edge.condition.staleMs, 0);
});

t.test('each change is one line in the log', async (t) => {
  const edge = new Edge().connect();
  edge.serve(5).hear(5).pass(3).hear(5).pass(1);
  edge.changed('broken');
  edge.changed('broken');
  edge.isOriginPresent = false;
  edge.pass(30);
  edge.changed('back');
  edge.hear(5).pass(2);
  t.strictSame(edge.lines, [
    'the origin is present',
    'ready for clients',
    'the connection to NATS is lost; it is retried until NATS answers',
    'the origin is away: no heartbeats arrive',
    'not ready: the records may be older than 15 s (--max-staleness): NATS is lost',
    'connected to NATS again',
    'the origin is present',
    'ready for clients',
  ]);
  t.equal(edge.condition.contact.reconnects, 1);
});

t.test('an edge that has missed an epoch is ready again in the next one', async (t) => {
  const edge = new Edge().connect();
  edge.hear(7).serve(7);
  for (let i = 0; i < 300; i++) edge.pass(1).hear(8);
  t.match(edge.why, 'events are missing');
  edge.serve(1, 'F').hear(1, 'F');
  t.equal(edge.why, '');
});

t.test('heartbeats that were held back for minutes are as old as they are', async (t) => {
  const edge = new Edge().connect();
  edge.hear(7).serve(7).pass(1).hear(7).pass(120);
  edge.hear(7, 'E', 119_000).hear(7, 'E', 118_000).hear(7, 'E', 117_000);
  t.match(edge.why, 'may be older than 15 s');
  t.equal(edge.hear(7).why, '');
});
