import type { Kind, Problem, RecordName, UnixMillis, WatchHealth } from '../protocol/index.js';
import type { Clock } from './runtime/clock.js';
import { Hub } from './delivery/hub.js';
import { EPOCH_RANDOM_BYTES, newEpoch } from './store/epoch.js';
import { Journal, type JournalHealth, type JournalServices } from './journal/journal.js';
import type { Recovered } from './journal/recovery.js';
import type { Log } from './runtime/log.js';
import { describeWatching } from './inspection/bus-metrics.js';
import type { RelayStatus } from './inspection/served-bus.js';
import type { LazyRegistry } from './metrics/registry.js';
import { describeOriginRelay } from './relay/relay-metrics.js';
import type { ResolvedOptions } from './config/options.js';
import type { OriginRelay } from './relay/origin-relay.js';
import type { JournalStorage } from './journal/storage.js';
import { systemRandom, type RandomBytes } from './runtime/random.js';
import { BusBase } from './bus-base.js';
import { Commit } from './commit.js';
import { SessionManager } from './session-manager.js';
import { RecordStore } from './store/record-store.js';
import { READY, unready, type Readiness } from './runtime/readiness.js';
import { supervised, Supervisor } from './runtime/supervisor.js';
import type { StoreEvent } from './store/store-event.js';
import { RepositoryWatch, type WatchOverrides } from './watch/repository-watch.js';

/** A file that cannot be read as a record, or whose lease cannot be timed. */
export interface RecordProblem {
  readonly kind: Kind;
  readonly id: string;
  readonly problem: Problem;
  /** When the problem was found, Unix milliseconds. */
  readonly since: UnixMillis;
}

/** Replacements for parts of the system, in a simulation or a test. */
export interface BusParts extends WatchOverrides {
  /** The journal's functions to open and check tables, the identity of the machine's boot, and where else to look for what it lacks. */
  readonly journal?: Pick<JournalServices, 'openTable' | 'checkIntegrity' | 'boot' | 'findElsewhere'>;
  /** @default the system's */
  readonly random?: RandomBytes;
}

/** One repository's bus without a network: it watches the files, keeps the records and serves the sockets that are attached to it. */
export class Bus extends BusBase {
  readonly supervisor: Supervisor;
  readonly watch: RepositoryWatch;
  /** Called when events have been published to the bus's own clients. */
  afterPublish: () => void = () => undefined;
  /**
   * Called when a new epoch has begun while the bus runs: the disk took neither the journal nor its removal, and a later run could have used
   * the same revisions again.
   */
  newEpochBegan: () => void = () => undefined;
  /** Publishes the events to NATS, if the server has a relay. */
  relay: OriginRelay | undefined;
  readonly #store = new RecordStore();
  #journal: Journal | undefined;
  readonly #commit: Commit;

  readonly #clock: Clock;

  constructor(
    private readonly options: ResolvedOptions,
    givenClock: Clock,
    private readonly log: Log,
    /** The check of the repository's identity, and replacements for parts of the system. */
    private readonly parts: BusParts = {},
  ) {
    super();
    this.supervisor = new Supervisor(log, givenClock);
    const clock = supervised(givenClock, this.supervisor);
    this.#clock = clock;
    const { supervisor: supervision } = this;
    this.#commit = new Commit({
      clock,
      supervision,
      traffic: this.traffic,
      hub: () => this.hub,
      journal: () => this.#journal,
      newEpoch: () => {
        this.#serve(this.#hubOfNewEpoch());
        this.newEpochBegan();
      },
      relay: () => {
        this.afterPublish();
      },
    });
    const publish = (events: readonly StoreEvent[], waitedMs: number | undefined): void => {
      this.#commit.turn(events, waitedMs);
    };
    this.watch = new RepositoryWatch(options, this.#store, clock, log, publish, { ...parts, supervision });
  }

  /** The records that have a problem. */
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

  get readiness(): Readiness {
    if (!this.isRunning) return unready('the repository is being read');
    return this.health.state === 'gone' ? unready('the repository is not at its path') : READY;
  }

  get relayStatus(): RelayStatus | undefined {
    if (!this.relay) return undefined;
    const { state, why, sequence, behind } = this.relay.health;
    const { publicKey } = this.relay;
    return {
      state,
      ...(why === undefined ? {} : { why }),
      sequence,
      behind,
      ...(publicKey === undefined ? {} : { public_key: publicKey }),
    };
  }

  get journalHealth(): JournalHealth {
    return this.#journal?.health ?? 'off';
  }

  describe(registry: LazyRegistry): void {
    describeWatching(registry, this.watch);
    if (this.relay) describeOriginRelay(registry, this.relay);
  }

  /**
   * Continues where the journal ends, or begins a new epoch. Then it watches the files.
   * @param stateDirectory the private directory that holds the journal. Without it there is no journal.
   */
  async start(stateDirectory?: () => JournalStorage): Promise<void> {
    const { options, log } = this;
    const clock = this.#clock;
    if (options.journal && stateDirectory) {
      this.#journal = journalOf(options, { ...this.parts.journal, parent: stateDirectory, clock, log });
    }
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const recovered = await this.#journal?.recover();
    if (recovered) this.#store.restore(recovered.standing, recovered.revision);
    const since = await this.#catchUpWithFiles(recovered);
    let hub = this.#hubAfter(recovered, since);
    const coverage = this.#journal?.begin({ epoch: hub.epoch, store: this.#store, history: hub.history }, since);
    if (coverage === 'uncovered') hub = this.#hubOfNewEpoch();
    this.#serve(hub);
    this.watch.run();
    const { backend, healthy } = this.health;
    this.log.info({ backend, healthy, records: this.#store.size, epoch: hub.epoch }, 'watching');
  }

  /** Publishes records that have not changed as modified, because edges have received too little of them. */
  republish(records: readonly RecordName[]): void {
    const now = this.#clock.now();
    const events = records.flatMap(({ kind, id }) => this.#store.republish(kind, id, now));
    this.#commit.turn(events, undefined);
  }

  /** Ends every subscription at once. The transport closes the sockets. Resolves when the journal is closed. */
  async stop(): Promise<void> {
    this.watch.stop();
    this.service?.stop();
    await this.#journal?.close();
  }

  /** @returns the events since the end of the journal: changes of files, and leases that have ended. Empty without a journal. */
  async #catchUpWithFiles(recovered: Recovered | undefined): Promise<readonly StoreEvent[]> {
    const changes = await this.watch.load(recovered ? 'restart' : 'live');
    // The first reading of a repository finds records, but no changes.
    if (!recovered) return [];
    // Leases that are due end later, when the directories that may prolong them have been read.
    if (!this.watch.hasReadLeases) return changes;
    return [...changes, ...this.#store.expireUntil(this.#clock.now(), 'restart')];
  }

  #serve(hub: Hub): void {
    const source = {
      health: () => this.health,
      backlog: () => this.watch.backlog,
      journal: () => ({ state: this.journalHealth }),
      readNow: (record: RecordName | undefined) => this.watch.readNow(record),
    };
    this.serve(new SessionManager(hub, source, this.options, this.#clock, this.log, this.supervisor));
  }

  /** The current records as the first state of a new epoch. */
  #hubOfNewEpoch(): Hub {
    const hub = this.#hubAfter(undefined, []);
    this.#journal?.follow({ epoch: hub.epoch, store: this.#store, history: hub.history });
    this.log.warn(
      { epoch: hub.epoch },
      'a new epoch begins, because the journal of the last one can be neither kept nor removed',
    );
    return hub;
  }

  #hubAfter(recovered: Recovered | undefined, since: readonly StoreEvent[]): Hub {
    const past = [...(recovered?.events ?? []), ...since];
    const epoch =
      recovered?.epoch ?? newEpoch(this.#clock.now(), (this.parts.random ?? systemRandom)(EPOCH_RANDOM_BYTES));
    const start = { epoch, store: this.#store, past, lost: recovered?.lost };
    return new Hub(start, this.options.limits, this.supervisor);
  }
}

function journalOf(options: ResolvedOptions, services: Omit<JournalServices, 'retention'>): Journal {
  const { journalMaxEvents, journalMaxAgeMs, journalMaxBytes } = options;
  const retention = { maxEvents: journalMaxEvents, maxAgeMs: journalMaxAgeMs, maxBytes: journalMaxBytes };
  return new Journal({ ...services, retention });
}
