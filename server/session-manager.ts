import {
  FEATURES,
  PROTOCOL_VERSION,
  snakeCase,
  VERSION,
  type CloseCode,
  type Encoding,
  type RecordName,
  type ResyncReason,
  type WatchHealth,
  type Welcome,
} from '../protocol/index.js';
import { every, type Clock } from './runtime/clock.js';
import { CatchUp } from './delivery/catch-up.js';
import type { Hub } from './delivery/hub.js';
import { Heartbeat } from './sessions/heartbeat.js';
import { Inbox } from './sessions/inbox.js';
import { Intake } from './sessions/intake.js';
import { Session, type SessionServices } from './sessions/session.js';
import { Introspection, type IntrospectionServices } from './inspection/introspection.js';
import type { Log } from './runtime/log.js';
import type { Limits, ResolvedOptions } from './config/options.js';
import { UNSUPERVISED, type Supervision } from './runtime/supervisor.js';
import { TurnLoop } from './runtime/turn-loop.js';
import type { Socket } from './delivery/port.js';
import type { Connection } from './sessions/connection.js';

/** The part of the stream's source that clients may ask about. */
export interface StreamSource extends Pick<IntrospectionServices, 'backlog' | 'journal'> {
  health(): WatchHealth;
  /** Reads a record, or everything, now. Resolves when every change that was found has been published. */
  readNow(record: RecordName | undefined): Promise<void>;
}

/** The largest answer to an inspection. */
const MAX_ANSWER_BYTES = 1_048_576;
/** How many times longer than its file a record can be in a message: `1e20` becomes 21 digits in JSON. */
const MAX_GROWTH = 5;

/** Returns the longest message that the server sends. A frame is filled up to a bound, and exceeds it by one event at most. */
function maxMessageBytes({ maxQueuedBytes, maxRecordBytes }: Limits): number {
  return Math.max(MAX_ANSWER_BYTES, maxQueuedBytes) + MAX_GROWTH * maxRecordBytes;
}

export type SessionManagerOptions = Pick<ResolvedOptions, 'limits' | 'heartbeatMs' | 'idleTimeoutMs'>;

/**
 * How long one turn of the loop may serve subscriptions that are not live, new ones included. Reading files may take 3 ms of the same
 * turn, and up to 10 ms if delivery takes that long.
 */
const CATCH_UP_TURN_MS = 1;

/** Serves one stream to the connected clients. It does not depend on the source of the stream. */
export class SessionManager {
  readonly sessions = new Set<Session>();
  readonly catchUp: CatchUp;
  readonly inspector: Introspection;
  readonly #turns: TurnLoop;
  readonly #intake: Intake;
  /** The services of the sessions: one object that all of them share. */
  readonly #shared: SessionServices;
  /** Made once: each of many clients that connect at once is told them. */
  readonly #limits: Readonly<Record<string, number>>;
  #nextSession = 1;
  #cancelHeartbeat: (() => void) | undefined;

  constructor(
    readonly hub: Hub,
    private readonly source: StreamSource,
    private readonly options: SessionManagerOptions,
    private readonly clock: Clock,
    log: Log,
    private readonly supervision: Supervision = UNSUPERVISED,
  ) {
    this.#limits = wireLimits(options);
    this.#turns = new TurnLoop(clock, CATCH_UP_TURN_MS, (turn) => this.catchUp.step(turn));
    this.catchUp = new CatchUp(hub, options.limits.maxQueuedBytes, () => this.#turns.request(), supervision);
    this.#intake = new Intake(clock);
    this.inspector = new Introspection({
      hub,
      clock,
      limits: this.#limits,
      sessions: this.sessions,
      health: () => source.health(),
      backlog: () => source.backlog(),
      journal: () => source.journal(),
    });
    this.#shared = {
      hub,
      catchUp: this.catchUp,
      turn: () => this.#turns.current(),
      clock,
      log,
      supervision,
      limits: options.limits,
      welcome: () => this.#welcome(),
      closed: (session) => {
        this.sessions.delete(session);
      },
      readNow: (record) => source.readNow(record),
      heartbeat: () => this.#heartbeat(),
      inspect: (inspection, asker) => this.inspector.answer(inspection, asker),
    };
  }

  /** Reads everything now. Resolves when every change that was found has been published. */
  readNow(): Promise<void> {
    return this.source.readNow(undefined);
  }

  /** Starts the heartbeats to all connections. */
  start(): void {
    this.#cancelHeartbeat = every(this.clock, this.options.heartbeatMs, () => {
      this.beat();
    });
  }

  /**
   * Ends every subscription with `shutdown`. The transport closes the sockets.
   * @param stale why what the clients were sent is stale; `undefined` if it is not.
   */
  stop(stale?: ResyncReason): void {
    this.#cancelHeartbeat?.();
    for (const session of [...this.sessions])
      this.supervision.contain('the end of a session', () => session.shutdown(stale));
    this.#turns.stop();
    this.catchUp.clear();
    this.#intake.stop();
  }

  /** Adds an accepted connection. */
  attach(socket: Socket, encoding: Encoding): Connection {
    const session = new Session(this.#nextSession++, socket, encoding, this.#shared);
    this.sessions.add(session);
    return new Inbox(session, this.#intake, this.options.limits.maxUnheardBytes);
  }

  /** Closes every connection, for example because the token they were accepted with is no longer valid. */
  disconnectAll(code: CloseCode, reason: string): void {
    for (const session of [...this.sessions]) {
      this.supervision.contain('ending a connection', () => {
        session.end(code, reason);
      });
    }
  }

  /** Sends a heartbeat to every connection that is not behind. All connections of an encoding share one frame. */
  beat(): void {
    const heartbeat = this.#heartbeat();
    for (const session of this.sessions) session.heartbeat(heartbeat);
    this.catchUp.forgetOld(this.clock.now());
  }

  #heartbeat(): Heartbeat {
    const { hub, clock, source } = this;
    return new Heartbeat(hub.revision, clock.now(), clock.elapsed(), source.health());
  }

  #welcome(): Welcome {
    const { epoch, revision } = this.hub;
    return {
      protocol: PROTOCOL_VERSION,
      server: VERSION,
      epoch,
      revision,
      now: this.clock.now(),
      backend: this.source.health().backend,
      heartbeat_ms: this.options.heartbeatMs,
      limits: this.#limits,
      features: FEATURES,
    };
  }
}

/** Returns the limits as clients are told them. */
function wireLimits({ limits, idleTimeoutMs }: SessionManagerOptions): Readonly<Record<string, number>> {
  const entries = Object.entries<number>({ ...limits, idleTimeoutMs, maxMessageBytes: maxMessageBytes(limits) });
  return Object.fromEntries(entries.map(([name, value]) => [snakeCase(name), value]));
}
