import { Bus } from '../../../server/bus.js';
import { resolveOptions } from '../../../server/config/options.js';
import type { IdentityState } from '../../../server/repository/index.js';
import type { Log } from '../../../server/runtime/log.js';
import type { Hub } from '../../../server/delivery/hub.js';
import { sameSignature } from '../../../server/store/change.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { NativeWatcher } from '../../../server/watch/native-watcher.js';
import type { SeededRandom } from '../machine/seeded-random.js';
import type { FileFault } from '../machine/simulated-files.js';
import { SimulatedFiles } from '../machine/simulated-files.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import { SimulatedProcess, type SimulatedHost } from '../machine/simulated-process.js';
import type { SimulatedStorage } from '../machine/simulated-storage.js';
import type { LifePlan } from './plan.js';
import { ROOT, type Repository } from './repository.js';

export interface OriginServices {
  readonly plan: LifePlan;
  readonly host: SimulatedHost;
  readonly repository: Repository;
  readonly storage: SimulatedStorage;
  readonly network: SimulatedNetwork;
  readonly random: SeededRandom;
  readonly crashed: (process: SimulatedProcess, error: unknown) => void;
  readonly tell: (text: string) => void;
}

/** What is wrong with a machine, for each process that runs on it. */
export interface Conditions {
  /** `undefined` while no call fails. */
  fileFault: FileFault | undefined;
  maxQueuedHints: number;
  hintDelayMs: () => number;
  lookCostMs: number;
}

/** One life of the server's process. */
interface Run {
  readonly process: SimulatedProcess;
  readonly files: SimulatedFiles;
  readonly bus: Bus;
}

/** The server that watches the repository: a bus that is started, stopped and killed like a process. */
export class Origin {
  #run: Run | undefined;
  #runs = 0;
  readonly conditions: Conditions;
  /** Errors of the bus that nobody had foreseen, of all its runs. */
  #unforeseen = 0;
  /** Revisions at which nothing changed that anybody is shown, with their epochs. */
  readonly silent = new Set<string>();
  /** Why the last start failed. */
  startError: unknown;

  constructor(private readonly services: OriginServices) {
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

  get files(): SimulatedFiles | undefined {
    return this.#run?.files;
  }

  get unforeseen(): number {
    return this.#unforeseen + (this.#run?.bus.supervisor.count ?? 0);
  }

  start(): void {
    if (this.#run) return;
    const { plan, host, repository, storage, network, random, crashed, tell } = this.services;
    const process = new SimulatedProcess(`origin-${String(++this.#runs)}`, host, crashed);
    const files = new SimulatedFiles(repository.disk, process);
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
    const log: Log = {
      debug: () => undefined,
      info: (_fields, message) => {
        tell(`${process.name}: ${message}`);
      },
      warn: (fields, message) => {
        tell(`${process.name} warns: ${message} ${shown(fields)}`);
      },
      error: (fields, message) => {
        tell(`${process.name} error: ${message} ${shown(fields)}`);
      },
    };
    const bus = new Bus(options, process, log, {
      files,
      choose: (_choice, directories) => Promise.resolve(new NativeWatcher(directories, files.watch)),
      identity: { check: () => this.#identity() },
      random: random.bytes,
      journal: { openTable: storage.tables(process), probe: () => Promise.resolve(), boot: () => host.boot },
    });
    const run: Run = { process, files, bus };
    this.#run = run;
    tell(`${process.name} starts`);
    repository.serverBegins();
    process.input(1, () => {
      bus
        .start(() => storage.open())
        .then(
          () => {
            this.#hearSilence(bus.hub);
            if (!process.isDead)
              network.listening = { process, attach: (socket, encoding) => bus.attach(socket, encoding) };
          },
          (error: unknown) => {
            this.startError = error;
            tell(`${process.name} cannot start: ${String(error)}`);
            this.#ended(run);
            // As whatever keeps services running does.
            host.time.after(1_000, () => {
              this.start();
            });
          },
        );
    });
  }

  /** It ends at once and says nothing. */
  kill(): void {
    const run = this.#run;
    if (!run) return;
    this.services.tell(`${run.process.name} is killed`);
    this.#ended(run);
  }

  /** It is asked to end, and ends in order. */
  stop(then: () => void): void {
    const run = this.#run;
    if (!run) return;
    this.services.tell(`${run.process.name} is asked to end`);
    run.process.input(0, () => {
      run.bus.stop().then(
        () => {
          this.#ended(run);
          then();
        },
        (error: unknown) => {
          this.services.crashed(run.process, error);
        },
      );
    });
  }

  /** Notes what is published and shown to nobody: a heartbeat or a release is as it was, and what it names is another branch's. */
  #hearSilence(hub: Hub): void {
    const { epoch, history } = hub;
    const note = ({ type, record, before, after, revision }: StoreEvent): void => {
      const follows = record.kind === 'heartbeat' || record.kind === 'release';
      if (type === 'modified' && follows && sameSignature(before!.signature, after!.signature))
        this.silent.add(`${epoch}:${String(revision)}`);
    };
    for (let at = history.base + 1; at <= history.newest; at++) note(history.at(at));
    const publish = hub.publish.bind(hub);
    hub.publish = (events) => {
      for (const event of events) note(event);
      publish(events);
    };
  }

  /** Conditions have changed. */
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
    this.services.network.serverEnded(run.process);
    this.#run = undefined;
  }

  #identity(): IdentityState {
    const muse = this.services.repository.disk.directory(`${ROOT}/.muse`);
    return muse ? 'same' : 'missing';
  }
}

function shown(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.message : value)).slice(
    0,
    200,
  );
}
