import type { RecordName, WatchHealth } from '../protocol/index.js';
import type { RelayStatus } from './inspection/served-bus.js';
import type { Clock } from './runtime/clock.js';
import { Hub } from './delivery/hub.js';
import type { Log } from './runtime/log.js';
import { PlainHistogram } from './metrics/plain-histogram.js';
import { describeRelayedBus } from './relay/relay-metrics.js';
import type { LazyRegistry } from './metrics/registry.js';
import { BusBase } from './bus-base.js';
import { FollowedHub } from './followed-hub.js';
import { unready, type Readiness } from './runtime/readiness.js';
import { supervised, Supervisor } from './runtime/supervisor.js';
import { SessionManager, type SessionManagerOptions } from './session-manager.js';
import { systemRandom, type RandomBytes } from './runtime/random.js';
import { RecordReplica } from './store/record-replica.js';
import type { StoreEvent } from './store/store-event.js';
import type { StreamState } from './relay/cold-start.js';
import { connectWithRetry, type Patience } from './relay/connect-with-retry.js';
import { EdgeCondition } from './relay/edge-condition.js';
import { EdgeStream } from './relay/edge-stream.js';
import { toldEdgeState, type ToldEdgeState } from './relay/edge-stream-state.js';
import { NO_REJECTIONS, type Rejections } from './relay/rejections.js';
import { ProgressCheck } from './relay/progress-check.js';
import type { Broker, ConnectBroker } from './relay/broker.js';
import { connectNatsBroker } from './relay/nats-broker.js';
import { OriginBarrier } from './relay/origin-barrier.js';
import { OriginLink } from './relay/origin-link.js';
import { OriginLiveness } from './relay/origin-liveness.js';
import { readAlive, type AliveMessage } from './relay/alive-message.js';
import { RelayNames } from './relay/relay-names.js';
import { SealCheck } from './relay/seal.js';
import { DEFAULT_OPTIONS } from './config/default-options.js';
import type { ResolvedRelay } from './config/relay-options.js';

/** How many messages an edge reads at its start, so that clients can resume from older cursors. */
const HISTORY_MESSAGES = 20_000;
const LAG_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000];
const GONE = unready('the repository is not at its path');

type EdgeBusOptions = SessionManagerOptions & { readonly maxStalenessMs?: number } & Partial<Pick<Patience, 'gives'>>;

/** Replacements for parts of the system, in a simulation or a test. */
export interface EdgeParts {
  /** @default connects to NATS */
  readonly connect?: ConnectBroker;
  /** @default the system's */
  readonly random?: RandomBytes;
}

/**
 * One repository's bus without its files: it serves what an origin publishes. Revisions, epoch, cursors and time are the origin's, and a
 * lease lapses only by the origin's event.
 */
export class EdgeBus extends BusBase {
  readonly supervisor: Supervisor;
  readonly presence: OriginLiveness;
  /** The time from an event at the origin to its publication here. */
  readonly lagMs = new PlainHistogram(LAG_BOUNDS_MS);
  readonly names: RelayNames;
  readonly condition: EdgeCondition;
  /** `undefined` if the edge was given no key: then every message that can be read is accepted. */
  readonly #seal: SealCheck | undefined;
  readonly #connect: () => Promise<Broker>;
  #broker: Broker | undefined;
  #origin: OriginLink | undefined;
  #stream: EdgeStream | undefined;
  #barrier: OriginBarrier | undefined;
  /** What the hub of the service shows; `undefined` before the first state, and if nothing can follow it. */
  #followed: FollowedHub | undefined;
  #isStopped = false;
  readonly #progress = new ProgressCheck({
    served: () => this.service?.hub,
    ask: () => this.#origin!.sync(),
    stuck: () => {
      this.#stream?.lookAgain();
      // If the stream has lost messages, the origin does not know it yet. A request for a base makes it write, and so find out.
      void this.#origin?.askForBase();
    },
    ahead: (why) => {
      this.#stream?.beginAgain(why);
      this.#followed = undefined;
    },
  });

  constructor(
    private readonly relay: ResolvedRelay,
    private readonly options: EdgeBusOptions,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly parts: EdgeParts = {},
  ) {
    super();
    this.supervisor = new Supervisor(log, clock);
    this.names = new RelayNames(relay.repository);
    this.#seal = relay.publicKeys.length > 0 ? new SealCheck(relay.publicKeys) : undefined;
    this.presence = new OriginLiveness(clock, this.#seal !== undefined);
    const { connect = connectNatsBroker } = parts;
    this.#connect = () => connect(relay.access, `muse-bus edge of ${relay.repository}`);
    this.condition = new EdgeCondition({
      clock,
      log,
      maxStalenessMs: options.maxStalenessMs ?? DEFAULT_OPTIONS.maxStalenessMs,
      isOriginPresent: () => this.presence.isPresent,
      served: () => this.service?.hub,
      sequence: () => this.sequence,
      failure: () => this.#stream?.failure,
      connect: this.#connect,
    });
  }

  get health(): WatchHealth {
    const { health } = this.presence;
    return health.healthy && !this.condition.readiness.ready ? { ...health, healthy: false } : health;
  }

  get readiness(): Readiness {
    const { readiness } = this.condition;
    return readiness.ready && this.presence.health.state === 'gone' ? GONE : readiness;
  }

  get relayStatus(): RelayStatus {
    const { staleMs } = this.condition;
    const staleness_s = staleMs === undefined ? null : Math.round(staleMs) / 1_000;
    const { state } = this;
    const why = state === 'following' ? undefined : this.condition.obstacle;
    return {
      state,
      ...(why === undefined ? {} : { why }),
      sequence: this.sequence,
      behind: this.behind,
      staleness_s,
      signed: this.#seal !== undefined,
    };
  }

  /** What the edge does with the stream. */
  get state(): ToldEdgeState {
    return toldEdgeState(this.#stream?.state);
  }

  /** The sequence of the last message that was read; 0 before the first. */
  get sequence(): number {
    return this.#stream?.sequence ?? 0;
  }

  /** Messages of the stream that were rejected, by reason. */
  get rejected(): Rejections {
    return this.#stream?.rejected.counts ?? NO_REJECTIONS;
  }

  readonly journalHealth = 'off' as const;

  /** How often the records were built from the stream. */
  get rebuilds(): number {
    return this.#stream?.rebuilds ?? 0;
  }

  /** How many events the origin's last heartbeat includes that have not arrived yet. */
  get behind(): number {
    return this.service ? Math.max(0, this.presence.revision - this.hub.revision) : 0;
  }

  describe(registry: LazyRegistry): void {
    describeRelayedBus(registry, this);
  }

  /**
   * Connects to NATS and follows the stream. Resolves when the records are complete, however long that takes.
   * @throws OptionError if NATS refuses the access, or its clients are not installed.
   */
  async start(): Promise<void> {
    const { relay, clock, log } = this;
    this.condition.start();
    const isOver = (): boolean => this.#isStopped;
    const failed = (why: string): void => {
      this.condition.contact.unreached(why);
    };
    const gives = this.options.gives ?? 'up-when-refused';
    const patience = { connect: this.#connect, clock, log, isOver, failed, gives };
    const broker = await connectWithRetry(relay.access, patience);
    if (!broker) return;
    this.#broker = broker;
    const origin = new OriginLink(broker, this.names, this.#seal, () => this.presence.beat);
    this.#origin = origin;
    origin.followHeartbeats((alive) => {
      this.#heard(alive);
    }, this.condition);
    const stream = new EdgeStream({
      broker,
      names: this.names,
      clock,
      log,
      random: this.parts.random ?? systemRandom,
      seal: this.#seal,
      historyMessages: HISTORY_MESSAGES,
      askForBase: () => origin.askForBase(),
      sink: {
        state: (state, history) => {
          this.#takeState(state, history);
        },
        events: (following) => {
          this.#followed!.take(following);
        },
        origin: (origin) => {
          this.presence.follows(origin);
        },
      },
    });
    this.#stream = stream;
    this.#barrier = new OriginBarrier(
      clock,
      (record) => origin.sync(record),
      () => this.hub,
      (answer, askedAt, heardAt) => {
        const alive = readAlive(answer);
        if (!alive || !this.presence.answered(alive, askedAt, heardAt)) return;
        this.condition.answered(alive, askedAt);
      },
    );
    this.condition.watch(broker, stream);
    await stream.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.condition.stop();
    this.#stream?.stop();
    this.#barrier?.stop();
    this.service?.stop();
    await this.#broker?.close();
  }

  // ── the stream ────────────────────────────────────────────────────────────────────────────────────────────────────

  #takeState(state: StreamState, history: readonly StoreEvent[]): void {
    if (this.service && this.#continues(state, history)) return;
    const records = new RecordReplica(state.versions, state.revision, this.presence.now());
    const hub = new Hub({ epoch: state.epoch, store: records, past: history }, this.options.limits, this.supervisor);
    this.#followed = new FollowedHub(hub, records, {
      events: (events) => {
        this.#deliver(events);
      },
      advanced: () => {
        this.#advanced();
      },
    });
    this.#serve(hub);
    const { epoch, revision } = state;
    const found = { epoch, revision, records: records.size, replayable: hub.history.size };
    this.log.info(found, 'serving what the origin publishes');
  }

  /** Publishes the events up to the new state, if all are known. @returns whether they are; then no client must begin again. */
  #continues(state: StreamState, history: readonly StoreEvent[]): boolean {
    try {
      return this.#followed?.goOnTo(state, history) ?? false;
    } catch (error) {
      this.supervisor.report('events that an edge had missed', error);
      return false;
    }
  }

  #serve(hub: Hub): void {
    const source = {
      health: () => this.health,
      backlog: () => ({ pending: this.behind, unsettled: 0 }),
      journal: () => ({ state: 'off' as const }),
      readNow: (record: RecordName | undefined) => this.#barrier!.reach(record),
    };
    const clock = supervised(this.presence, this.supervisor);
    this.serve(new SessionManager(hub, source, this.options, clock, this.log, this.supervisor));
    this.#advanced();
  }

  #deliver(events: readonly StoreEvent[]): void {
    const from = this.clock.elapsed();
    this.hub.publish(events);
    this.traffic.published(events, undefined, this.clock.elapsed() - from);
    const now = this.presence.now();
    for (const { time } of events) this.lagMs.observe(Math.max(0, now - time));
    this.#advanced();
  }

  #advanced(): void {
    this.condition.advanced();
    this.#barrier?.advanced();
  }

  // ── the origin ────────────────────────────────────────────────────────────────────────────────────────────────────

  #heard(alive: AliveMessage): void {
    if (!this.presence.heard(alive)) return;
    this.condition.heard(alive, this.presence.lateMs);
    this.#progress.heard(alive);
  }
}
