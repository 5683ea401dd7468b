import { silentLog } from '../../server/runtime/log.js';
import { type Encoding, epoch, MessageType, packMessage, revision, type WatchHealth } from '../../protocol/index.js';
import { CatchUp } from '../../server/delivery/catch-up.js';
import { Hub } from '../../server/delivery/hub.js';
import { Heartbeat } from '../../server/sessions/heartbeat.js';
import { Session } from '../../server/sessions/session.js';
import { DEFAULT_LIMITS, type Limits } from '../../server/index.js';
import type { Change } from '../../server/store/change.js';
import type { LostPositions } from '../../server/store/history.js';
import { RecordStore } from '../../server/store/record-store.js';
import { ManualClock } from './manual-clock.js';
import { FakeSocket } from './fake-socket.js';
import { UNSUPERVISED, type Supervision } from '../../server/runtime/supervisor.js';
import type { Turn } from '../../server/runtime/turn-loop.js';

/** The longest that one turn of a {@link Stream} spends on subscriptions that are behind. */
const TURN_MS = 1;

/** The path from a change to a socket, without files, sockets or timers. Its epoch is `e`. */
export class Stream {
  readonly clock = new ManualClock();
  readonly store = new RecordStore();
  readonly hub: Hub;
  readonly catchUp: CatchUp;
  readonly limits: Limits;
  /** What heartbeats say can be seen of the files. */
  health: WatchHealth = { backend: 'none', healthy: true, last_scan_ms: 0 };
  #turn: Turn | undefined;
  #isStepAsked = false;

  constructor(
    limits: Partial<Limits> = {},
    lost?: LostPositions,
    /** What a fault is reported to. @default it is thrown */
    readonly supervision: Supervision = UNSUPERVISED,
  ) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    const start = lost?.to ?? revision(0);
    this.store.restore([], start);
    this.hub = new Hub({ epoch: epoch('e'), store: this.store, lost }, this.limits, supervision);
    const requestStep = (): void => {
      this.#isStepAsked = true;
    };
    this.catchUp = new CatchUp(this.hub, this.limits.maxQueuedBytes, requestStep, supervision);
  }

  /** The current turn of the loop; all work in one turn shares its millisecond. */
  current(): Turn {
    return (this.#turn ??= this.#begin());
  }

  /** One turn of the loop, which publishes all these changes together. */
  turn(...changes: readonly Change[]): void {
    const now = this.clock.now();
    this.hub.publish(changes.flatMap((change) => this.store.apply(change, now)));
  }

  /** One turn of the loop in which leases end. */
  expire(): void {
    this.hub.publish(this.store.expireUntil(this.clock.now()));
  }

  /** Passes over revisions of which nothing is known. */
  skip(to: number): void {
    const standing = this.store.cut().versions.map((version) => ({ version, lapsedAt: revision(0) }));
    this.store.restore(standing, revision(to));
    this.hub.skip(revision(to));
  }

  connect(encoding: Encoding = 'msgpack'): Peer {
    return new Peer(this, encoding);
  }

  /** Lets `turns` turns of the loop pass. Each serves the subscriptions that are behind, if they have requested it. */
  serve(turns = 50): void {
    for (let i = 0; i < turns; i++) {
      const turn = this.#turn ?? this.#begin();
      this.#turn = undefined;
      if (!this.#isStepAsked) continue;
      this.#isStepAsked = this.catchUp.step(turn);
    }
  }

  #begin(): Turn {
    const { clock } = this;
    const until = clock.elapsed() + TURN_MS;
    return { now: clock.now(), isSpent: () => clock.elapsed() >= until };
  }
}

/** One connection of a {@link Stream}. */
export class Peer {
  readonly socket: FakeSocket;
  readonly session: Session;

  constructor(
    private readonly stream: Stream,
    readonly encoding: Encoding,
  ) {
    const { hub, catchUp, clock, limits } = stream;
    this.socket = new FakeSocket(encoding);
    this.session = new Session(1, this.socket, encoding, {
      hub,
      catchUp,
      turn: () => stream.current(),
      clock,
      limits,
      log: silentLog,
      supervision: stream.supervision,
      welcome: () => ({
        protocol: 1,
        server: 'test',
        epoch: hub.epoch,
        revision: hub.revision,
        now: clock.now(),
        backend: 'none',
        heartbeat_ms: 5_000,
        limits: {},
      }),
      closed: () => undefined,
      heartbeat: () => this.#heartbeat,
      readNow: () => Promise.resolve(),
      inspect: () => {
        throw new Error('a stream has no inspector');
      },
    });
    this.socket.onClose = () => {
      this.session.closed();
    };
  }

  /** Sends a message from the client. */
  say(...message: readonly unknown[]): void {
    const isBinary = this.encoding === 'msgpack';
    this.session.message(isBinary ? packMessage(message) : Buffer.from(JSON.stringify(message)), isBinary);
  }

  /** The messages that the client has received since the last call, without `welcome`. */
  heard(): unknown[][] {
    return this.socket.takeMessages().filter(([type]) => type !== MessageType.welcome);
  }

  /** The client reads the frames in its queue, or the first `frames` of them. */
  drain(frames?: number): void {
    this.socket.drain(frames);
    this.session.drained();
  }

  /** Sends a heartbeat, as the bus sends it to each session. */
  heartbeat(): void {
    this.session.heartbeat(this.#heartbeat);
  }

  get #heartbeat(): Heartbeat {
    const { hub, clock, health } = this.stream;
    return new Heartbeat(hub.revision, clock.now(), clock.elapsed(), health);
  }
}
