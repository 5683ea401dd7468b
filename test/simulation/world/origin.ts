import { Bus } from '../../../server/bus.js';
import { resolveOptions } from '../../../server/config/options.js';
import type { IdentityState } from '../../../server/repository/index.js';
import type { Hub } from '../../../server/delivery/hub.js';
import { sameSignature } from '../../../server/store/change.js';
import { OriginRelay } from '../../../server/relay/origin-relay.js';
import { OriginSeal } from '../../../server/relay/seal.js';
import { recallTail } from '../../../server/relay/recall-tail.js';
import type { FoundTail, LostTail } from '../../../server/store/lost-tail.js';
import type { RecordVersion } from '../../../server/store/record-version.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { FileFault } from '../machine/simulated-files.js';
import { SimulatedBrokerConnection } from '../machine/simulated-broker-connection.js';
import { SimulatedFiles } from '../machine/simulated-files.js';
import { SimulatedWatcher } from '../machine/simulated-watcher.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import { SimulatedProcess, type SimulatedHost } from '../machine/simulated-process.js';
import type { SimulatedStorage } from '../machine/simulated-storage.js';
import { mechanismOf, type LifePlan } from './plan.js';
import type { RelayAccessPoint } from './relay-access.js';
import { ROOT, type Repository } from './repository.js';
import { storyLog } from './story-log.js';

export interface OriginServices {
  readonly name: string;
  readonly plan: LifePlan;
  readonly host: SimulatedHost;
  readonly repository: Repository;
  readonly storage: SimulatedStorage;
  readonly network: SimulatedNetwork;
  readonly random: SeededRandom;
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  /** Called with the path of what a process has made or opened to write. */
  readonly wrote: (process: SimulatedProcess, path: string) => void;
  readonly tell: (text: string) => void;
  /** The broker that the origin publishes to, if there is one. */
  readonly relay: RelayAccessPoint | undefined;
  /** Whether a supervisor restarts the process when it has ended by itself. */
  readonly isKept: boolean;
}

/** The faults of a machine, which affect every process on it. */
export interface Conditions {
  /** `undefined` while no call fails. */
  fileFault: FileFault | undefined;
  maxQueuedHints: number;
  hintDelayMs: () => number;
  lookCostMs: number;
}

/** One run of the server's process. */
interface Run {
  readonly process: SimulatedProcess;
  readonly files: SimulatedFiles;
  readonly bus: Bus;
  relay: OriginRelay | undefined;
  /** Whether it has been asked to end. */
  isEnding: boolean;
}

/** The server that watches the repository: a bus that is started, stopped and killed like a process. */
export class Origin {
  #run: Run | undefined;
  #runs = 0;
  /** How its runs are set up: an upgrade changes that. */
  #plan: LifePlan;
  readonly conditions: Conditions;
  /** The unforeseen errors of the bus in all its runs. */
  #unforeseen = 0;
  /** Revisions, with their epochs, whose events no subscription receives. */
  readonly silent = new Set<string>();
  /** The end of each gap in its revisions, by the revision before it. */
  readonly gaps = new Map<string, number>();
  /** The epochs of all its runs. */
  readonly epochs = new Set<string>();
  /** Why the last start failed. */
  startError: unknown;
  /** What an orderly end has left for the next run. */
  #left: { readonly epoch: string; readonly troubles: number } | undefined;
  /** What a run should have known of the one before, and did not. */
  forgot: string | undefined;

  constructor(private readonly services: OriginServices) {
    this.#plan = services.plan;
    this.conditions = {
      fileFault: undefined,
      maxQueuedHints: 16_384,
      hintDelayMs: () => services.plan.hintDelayMs * (0.5 + services.random.fraction()),
      lookCostMs: 0,
    };
  }

  get bus(): Bus | undefined {
    return this.#run?.bus.isRunning === true ? this.#run.bus : undefined;
  }

  get process(): SimulatedProcess | undefined {
    return this.#run?.process;
  }

  get relay(): OriginRelay | undefined {
    return this.#run?.relay;
  }

  get files(): SimulatedFiles | undefined {
    return this.#run?.files;
  }

  /** How many of the directories that it keeps open it does not watch: through FSEvents, the root and `.muse`. */
  get unwatched(): number {
    return mechanismOf(this.services.plan) === 'FSEvents' ? 2 : 0;
  }

  get unforeseen(): number {
    return this.#unforeseen + (this.#run?.bus.supervisor.count ?? 0);
  }

  start(): void {
    if (this.#run) return;
    const { name, host, repository, storage, network, random, crashed, wrote, tell } = this.services;
    const plan = this.#plan;
    const process = new SimulatedProcess(`${name}-${String(++this.#runs)}`, host, crashed);
    const files = new SimulatedFiles(repository.disk, process);
    files.wrote = (path) => {
      wrote(process, path);
    };
    this.#apply(process, files);
    const options = resolveOptions({
      root: ROOT,
      settleMs: plan.options.settleMs,
      heartbeatMs: plan.options.heartbeatMs,
      reconcileMs: plan.options.reconcileMs,
      goneAfterMs: 3_600_000,
      journal: plan.isJournalled,
      limits: { maxHistoryEvents: plan.options.maxHistoryEvents, maxQueuedBytes: plan.options.maxQueuedBytes },
    });
    const bus = new Bus(options, process, storyLog(process.name, tell), {
      files,
      choose: (_choice, directories) =>
        Promise.resolve(new SimulatedWatcher(mechanismOf(plan), directories, files.watch)),
      identity: { check: () => this.#identity() },
      random: random.bytes,
      journal: {
        openTable: storage.tables(process),
        checkIntegrity: () => Promise.resolve(),
        boot: () => host.boot,
        findElsewhere: (lost) => this.#recall(process, lost),
      },
    });
    const run: Run = { process, files, bus, relay: undefined, isEnding: false };
    this.#run = run;
    tell(`${process.name} starts`);
    repository.serverBegins();
    process.input(1, () => {
      bus
        .start(() => storage.open())
        .then(
          () => {
            this.#hearSilence(bus.hub);
            if (process.isDead) return;
            // The clock may have been set while it began: leases are measured from here on.
            repository.serverBegins();
            this.#remembers(bus.hub.epoch);
            network.listening = { process, attach: (socket, encoding) => bus.attach(socket, encoding) };
            bus.newEpochBegan = () => {
              this.#hearSilence(bus.hub);
              this.#restartRelay(run);
            };
            this.#beginRelay(run);
          },
          (error: unknown) => {
            this.#failed(run, error);
          },
        );
    });
  }

  /** As the server does it. */
  async #recall(process: SimulatedProcess, lost: LostTail): Promise<FoundTail | undefined> {
    const { relay: access, tell } = this.services;
    if (!access) return undefined;
    const connect = SimulatedBrokerConnection.connectFor(access.broker, process, access.link);
    const log = storyLog(process.name, tell);
    return recallTail({ options: access.options, clock: process, log, seal: sealOf(access), connect }, lost);
  }

  /** As the server does it. */
  #beginRelay(run: Run): void {
    const { relay: access, random, tell } = this.services;
    if (!access) return;
    const { process, bus } = run;
    const { epoch, store, history } = bus.hub;
    const relay = new OriginRelay({
      options: access.options,
      root: ROOT,
      source: {
        epoch,
        store,
        history,
        health: () => bus.health,
        readNow: (record) => bus.watch.readNow(record),
        republish: (records) => {
          bus.republish(records);
        },
      },
      maxRecordBytes: 262_144,
      clock: process,
      log: storyLog(process.name, tell),
      random: random.bytes,
      connect: SimulatedBrokerConnection.connectFor(access.broker, process, access.link),
      seal: sealOf(access),
      place: { host: access.hostName, pid: this.#runs },
    });
    run.relay = relay;
    bus.afterPublish = () => {
      relay.wake();
    };
    bus.relay = relay;
    relay.start().catch((error: unknown) => {
      // The command then ends in order.
      run.bus.stop().then(
        () => {
          this.#failed(run, error);
        },
        (failure: unknown) => {
          this.services.crashed(process, failure);
        },
      );
    });
  }

  /** As the server does it. */
  #restartRelay(run: Run): void {
    const { relay, process } = run;
    relay?.stop().then(
      () => {
        if (run.relay === relay && this.#run === run) this.#beginRelay(run);
      },
      (error: unknown) => {
        this.services.crashed(process, error);
      },
    );
  }

  #failed(run: Run, error: unknown): void {
    const { host, isKept, tell } = this.services;
    this.startError = error;
    this.#left = undefined;
    tell(`${run.process.name} ends: ${String(error)}`);
    if (this.#run !== run) return;
    this.#ended(run);
    if (!isKept) return;
    // As a supervisor of services does.
    host.time.after(1_000, () => {
      this.start();
    });
  }

  /** Kills the process: it ends at once and sends nothing. */
  kill(): void {
    const run = this.#run;
    if (!run) return;
    this.services.tell(`${run.process.name} is killed`);
    this.#left = undefined;
    this.#ended(run);
  }

  /** Asks the process to end; it shuts down in order. */
  stop(then: () => void): void {
    const run = this.#run;
    if (!run || run.isEnding) return;
    run.isEnding = true;
    this.services.tell(`${run.process.name} is asked to end`);
    run.process.input(0, () => {
      const isKept = run.bus.isRunning && run.bus.journalHealth === 'durable';
      const left = isKept ? { epoch: run.bus.hub.epoch, troubles: this.services.storage.troubles } : undefined;
      const relayStopped = run.relay?.stop();
      Promise.all([run.bus.stop(), relayStopped]).then(
        () => {
          if (this.#run === run) this.#left = left;
          this.#ended(run);
          then();
        },
        (error: unknown) => {
          this.services.crashed(run.process, error);
        },
      );
    });
  }

  /** The next runs are set up in another way. */
  upgrade(change: Partial<LifePlan>): void {
    this.#plan = { ...this.#plan, ...change };
    if (!this.#plan.isJournalled) this.#left = undefined;
  }

  /** Where the disk has done all that it was asked to do, what an orderly end has written is what the next run goes on with. */
  #remembers(epoch: string): void {
    const left = this.#left;
    this.#left = undefined;
    if (!left || left.epoch === epoch || left.troubles !== this.services.storage.troubles) return;
    this.forgot = `a server that had ended in order in epoch ${left.epoch} began again in epoch ${epoch}`;
  }

  /** Notes events that no subscription shows: a heartbeat or release is unchanged, but its reservation is now of another branch. */
  #hearSilence(hub: Hub): void {
    const { epoch, history } = hub;
    this.epochs.add(epoch);
    const note = ({ type, record, before, after, revision }: StoreEvent): void => {
      const follows = record.kind === 'heartbeat' || record.kind === 'release';
      if (type === 'modified' && follows && isSameFile(before!, after!))
        this.silent.add(`${epoch}:${String(revision)}`);
    };
    for (const event of history.events()) note(event);
    for (const { after, to } of history.gaps) this.gaps.set(`${epoch}:${String(after)}`, to);
    const publish = hub.publish.bind(hub);
    hub.publish = (events) => {
      for (const event of events) note(event);
      publish(events);
    };
  }

  /** Called when a fault begins or ends. */
  apply(): void {
    if (this.#run) this.#apply(this.#run.process, this.#run.files);
  }

  #apply(process: SimulatedProcess, files: SimulatedFiles): void {
    const { conditions } = this;
    files.fault = conditions.fileFault;
    files.maxQueued = conditions.maxQueuedHints;
    files.hintDelayMs = () => conditions.hintDelayMs();
    process.lookCostMs = conditions.lookCostMs;
  }

  #ended(run: Run): void {
    if (this.#run !== run) return;
    this.#unforeseen += run.bus.supervisor.count;
    run.process.kill();
    run.files.closeAll();
    const { network, relay } = this.services;
    network.serverEnded(run.process);
    relay?.broker.processEnded(run.process, relay.link);
    this.#run = undefined;
  }

  #identity(): IdentityState {
    const muse = this.services.repository.disk.directory(`${ROOT}/.muse`);
    return muse ? 'same' : 'missing';
  }
}

const sealOf = ({ secret }: RelayAccessPoint): OriginSeal | undefined =>
  secret === undefined ? undefined : new OriginSeal(secret);

/** Whether two versions are of one state of a file, which may be one that could not be looked at. */
function isSameFile(a: RecordVersion, b: RecordVersion): boolean {
  if (a.problem !== b.problem || a.json !== b.json) return false;
  return a.signature === undefined ? b.signature === undefined : sameSignature(a.signature, b.signature);
}
