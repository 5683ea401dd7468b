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
import { UNSUPERVISED } from '../../server/runtime/supervisor.js';
import type { Turn } from '../../server/runtime/turn-loop.js';

/** What a turn of {@link Stream} serves to those who are behind takes no longer. */
const TURN_MS = 1;

/** Everything between a reading and a socket, with no file, socket or timer in it. Its epoch is `e`. */
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

  constructor(limits: Partial<Limits> = {}, lost?: LostPositions) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    const start = lost?.to ?? revision(0);
    this.store.restore([], start);
    this.hub = new Hub({ epoch: epoch('e'), store: this.store, lost }, this.limits);
    this.catchUp = new CatchUp(this.hub, this.limits.maxQueuedBytes, () => {
      this.#isStepAsked = true;
    });
  }

  /** The turn of the loop that is under way; whoever does something in it shares its millisecond. */
  current(): Turn {
    return (this.#turn ??= this.#begin());
  }

  /** One turn of the loop: all these readings, published together. */
  turn(...changes: readonly Change[]): void {
    const now = this.clock.now();
    this.hub.publish(changes.flatMap((change) => this.store.apply(change, now)));
  }

  /** One turn in which leases end. */
  expire(): void {
    this.hub.publish(this.store.expireUntil(this.clock.now()));
  }

  connect(encoding: Encoding = 'msgpack'): Peer {
    return new Peer(this, encoding);
  }

  /** Lets `turns` turns of the loop pass, in each of which those who are behind are served where they have asked for it. */
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
      supervision: UNSUPERVISED,
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

  /** The client says something. */
  say(...message: readonly unknown[]): void {
    const isBinary = this.encoding === 'msgpack';
    this.session.message(isBinary ? packMessage(message) : Buffer.from(JSON.stringify(message)), isBinary);
  }

  /** What the client has been told since it was last asked, but the welcome. */
  heard(): unknown[][] {
    return this.socket.takeMessages().filter(([type]) => type !== MessageType.welcome);
  }

  /** The client takes what waits for it, or the first so many frames of it. */
  drain(frames?: number): void {
    this.socket.drain(frames);
    this.session.drained();
  }

  /** The server's sign of life, as the bus sends it to every session. */
  heartbeat(): void {
    this.session.heartbeat(this.#heartbeat);
  }

  get #heartbeat(): Heartbeat {
    const { hub, clock, health } = this.stream;
    return new Heartbeat(hub.revision, clock.now(), clock.elapsed(), health);
  }
}
