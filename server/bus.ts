import {
  MessageType,
  PROTOCOL_VERSION,
  VERSION,
  type Encoding,
  type WatchHealth,
  type Welcome,
} from '../protocol/index.js';
import type { Clock } from './clock.js';
import { CatchUp } from './delivery/catch-up.js';
import { FanOut } from './delivery/fan-out.js';
import { encodeMessage } from './delivery/frames.js';
import { Hub } from './delivery/hub.js';
import { Session, type SessionServices } from './delivery/session.js';
import { newEpoch } from './epoch.js';
import type { Log } from './log.js';
import type { ResolvedOptions } from './options.js';
import { History } from './store/history.js';
import { RecordStore } from './store/record-store.js';
import type { Connection, Socket } from './transport/transport.js';
import { RepositoryWatch } from './watch/repository-watch.js';

/** One repository's bus without a network: what watches, remembers and tells. Sockets are attached to it. */
export class Bus {
  readonly watch: RepositoryWatch;
  readonly #store = new RecordStore();
  readonly #sessions = new Set<Session>();
  /** What the sessions share: one object, however many there are. */
  #running: SessionServices | undefined;
  #cancelHeartbeat: (() => void) | undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.watch = new RepositoryWatch(options, this.#store, clock, log, (events) => {
      this.hub.publish(events);
    });
  }

  /** @throws Error before {@link start}. */
  get hub(): Hub {
    if (!this.#running) throw new Error('the bus is not running');
    return this.#running.hub;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  get health(): WatchHealth {
    return this.watch.health;
  }

  async start(): Promise<void> {
    await this.watch.load();
    const start = this.#store.revision;
    const hub = new Hub(
      newEpoch(this.clock.now()),
      this.#store,
      new History(this.options.limits, start),
      new FanOut(start),
    );
    this.#running = {
      hub,
      catchUp: new CatchUp(hub, this.clock),
      clock: this.clock,
      limits: this.options.limits,
      welcome: () => this.#welcome(),
      readNow: (record) => this.watch.readNow(record),
    };
    this.watch.run();
    this.#beat();
    const { backend, healthy } = this.health;
    this.log.info({ backend, healthy, records: this.#store.size, epoch: hub.epoch }, 'watching');
  }

  /** Tells everyone; the sockets are the transport's to close. */
  stop(): void {
    this.#cancelHeartbeat?.();
    this.watch.stop();
    for (const session of this.#sessions) session.shutdown();
    this.#running?.catchUp.stop();
  }

  /** A new connection that has been let in. */
  attach(socket: Socket, encoding: Encoding): Connection {
    if (!this.#running) throw new Error('the bus is not running');
    const session = new Session(socket, encoding, this.#running);
    this.#sessions.add(session);
    return {
      message: (payload, isBinary) => {
        session.message(payload, isBinary);
      },
      drained: () => {
        session.drained();
      },
      closed: () => {
        this.#sessions.delete(session);
        session.closed();
      },
    };
  }

  #welcome(): Welcome {
    const { epoch, revision } = this.hub;
    return {
      protocol: PROTOCOL_VERSION,
      server: VERSION,
      epoch,
      revision,
      now: this.clock.now(),
      backend: this.health.backend,
      heartbeat_ms: this.options.heartbeatMs,
      limits: snakeCased(this.options.limits),
    };
  }

  #beat(): void {
    this.#cancelHeartbeat = this.clock.after(this.options.heartbeatMs, () => {
      const message = [MessageType.heartbeat, this.hub.revision, this.clock.now(), this.health] as const;
      const frames = { msgpack: encodeMessage(message, 'msgpack'), json: encodeMessage(message, 'json') };
      for (const session of this.#sessions) session.heartbeat(frames[session.encoding]);
      this.#beat();
    });
  }
}

function snakeCased(limits: object): Readonly<Record<string, number>> {
  const entries = Object.entries(limits) as [string, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
