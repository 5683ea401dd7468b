import { join } from 'node:path';
import {
  MessageType,
  PROTOCOL_VERSION,
  VERSION,
  snakeCase,
  type CloseCode,
  type Encoding,
  type Kind,
  type Problem,
  type UnixMillis,
  type WatchHealth,
  type Welcome,
} from '../protocol/index.js';
import type { Clock } from './clock.js';
import { CatchUp } from './delivery/catch-up.js';
import { FanOut } from './delivery/fan-out.js';
import { encodeMessage } from './delivery/frames.js';
import { Hub } from './delivery/hub.js';
import { Session } from './delivery/session.js';
import { newEpoch } from './epoch.js';
import { Inspector } from './inspector.js';
import { Journal, type JournalHealth } from './journal/journal.js';
import type { Recalled } from './journal/recall.js';
import type { Log } from './log.js';
import { Traffic } from './metrics/traffic.js';
import type { ResolvedOptions } from './options.js';
import { History } from './store/history.js';
import { RecordStore } from './store/record-store.js';
import type { StoreEvent } from './store/store-event.js';
import type { Connection, Socket } from './transport/transport.js';
import { RepositoryWatch } from './watch/repository-watch.js';

/** A file that cannot be read as a record, or whose lease cannot be timed. */
export interface RecordProblem {
  readonly kind: Kind;
  readonly id: string;
  readonly problem: Problem;
  /** When it was noticed, Unix milliseconds. */
  readonly since: UnixMillis;
}

/** One repository's bus without a network: what watches, remembers and tells. Sockets are attached to it. */
export class Bus {
  readonly watch: RepositoryWatch;
  readonly traffic = new Traffic();
  readonly #store = new RecordStore();
  readonly #journal: Journal | undefined;
  readonly #sessions = new Set<Session>();
  #running: { readonly hub: Hub; readonly catchUp: CatchUp } | undefined;
  #inspector: Inspector | undefined;
  #nextSession = 1;
  #cancelHeartbeat: (() => void) | undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.watch = new RepositoryWatch(options, this.#store, clock, log, (events, waitedMs) => {
      const from = clock.elapsed();
      this.#journal?.append(events);
      this.hub.publish(events);
      if (events.length > 0) this.traffic.published(events, waitedMs, clock.elapsed() - from);
    });
    if (options.journal) this.#journal = journalOf(options, this.watch.dir.bus, clock, log);
  }

  /** @throws Error before {@link start}. */
  get hub(): Hub {
    if (!this.#running) throw new Error('the bus is not running');
    return this.#running.hub;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get sessions(): Iterable<Session> {
    return this.#sessions;
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  /** @throws Error before {@link start}. */
  get inspector(): Inspector {
    if (!this.#inspector) throw new Error('the bus is not running');
    return this.#inspector;
  }

  /** The records whose files cannot be read as they are, with why. */
  problems(): readonly RecordProblem[] {
    return [...this.#store.problems].map(({ kind, id, problem, observedAt }) => ({
      kind,
      id,
      problem: problem!,
      since: observedAt,
    }));
  }

  get health(): WatchHealth {
    return this.watch.health;
  }

  /** Whether what is published will survive a restart. */
  get journalHealth(): JournalHealth {
    return this.#journal?.health ?? 'off';
  }

  /** Goes on where the journal ends, or begins a new epoch; then watches. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const recalled = await this.#journal?.recall();
    if (recalled) this.#store.restore(recalled.standing, recalled.revision);
    const since = await this.#catchUpWithFiles(recalled);
    const hub = this.#hubAfter(recalled, since);
    this.#journal?.begin(hub, since);
    this.#running = { hub, catchUp: new CatchUp(hub, this.clock) };
    this.#inspector = this.#makeInspector(hub);
    this.watch.run();
    this.#beat();
    const { backend, healthy } = this.health;
    this.log.info({ backend, healthy, records: this.#store.size, epoch: hub.epoch }, 'watching');
  }

  /** Tells everyone, at once; the sockets are the transport's to close. Resolves when the journal is closed. */
  async stop(): Promise<void> {
    this.#cancelHeartbeat?.();
    this.watch.stop();
    for (const session of this.#sessions) session.shutdown();
    this.#running?.catchUp.stop();
    await this.#journal?.close();
  }

  /** @returns what has happened since the journal's end: what changed, and which leases ran out. */
  async #catchUpWithFiles(recalled: Recalled | undefined): Promise<readonly StoreEvent[]> {
    const changes = await this.watch.load(recalled ? 'restart' : 'live');
    // What a first reading finds has not happened now.
    if (!recalled) return [];
    return [...changes, ...this.#store.expireUntil(this.clock.now(), 'restart')];
  }

  #hubAfter(recalled: Recalled | undefined, since: readonly StoreEvent[]): Hub {
    const { revision } = this.#store;
    const history = new History(this.options.limits, recalled?.base ?? revision);
    for (const event of recalled?.events ?? []) history.append(event);
    for (const event of since) history.append(event);
    const epoch = recalled?.epoch ?? newEpoch(this.clock.now());
    return new Hub(epoch, this.#store, history, new FanOut(revision));
  }

  /** Ends every connection: what let them in no longer holds. */
  disconnectAll(code: CloseCode, reason: string): void {
    for (const session of [...this.#sessions]) session.end(code, reason);
  }

  /** A new connection that has been let in. */
  attach(socket: Socket, encoding: Encoding): Connection {
    if (!this.#running) throw new Error('the bus is not running');
    const session = new Session(this.#nextSession++, socket, encoding, {
      ...this.#running,
      clock: this.clock,
      limits: this.options.limits,
      log: this.log,
      welcome: () => this.#welcome(),
      readNow: (record) => this.watch.readNow(record),
      inspect: (inspection, asker) => this.inspector.answer(inspection, asker),
    });
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
      limits: this.#limits,
    };
  }

  get #limits(): Readonly<Record<string, number>> {
    return snakeCased({ ...this.options.limits, idleTimeoutMs: this.options.idleTimeoutMs });
  }

  #makeInspector(hub: Hub): Inspector {
    return new Inspector({
      hub,
      clock: this.clock,
      limits: this.#limits,
      sessions: this.#sessions,
      health: () => this.health,
      backlog: () => this.watch.backlog,
      journal: () => ({ state: this.journalHealth }),
    });
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

function journalOf(options: ResolvedOptions, busDir: string, clock: Clock, log: Log): Journal {
  const { journalMaxEvents, journalMaxAgeMs, journalMaxBytes } = options;
  const retention = { maxEvents: journalMaxEvents, maxAgeMs: journalMaxAgeMs, maxBytes: journalMaxBytes };
  return new Journal({ path: join(busDir, 'journal'), retention, clock, log });
}

function snakeCased(limits: object): Readonly<Record<string, number>> {
  const entries = Object.entries(limits) as [string, number][];
  return Object.fromEntries(entries.map(([name, value]) => [snakeCase(name), value]));
}
