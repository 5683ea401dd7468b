import { KIND_DIRECTORIES, KINDS, type Kind } from '../../../protocol/index.js';
import { SeededRandom } from '../machine/seeded-random.js';
import type { SimulatedNetwork } from '../machine/simulated-network.js';
import type { SimulatedHost } from '../machine/simulated-process.js';
import type { FileFault } from '../machine/simulated-files.js';
import type { SimulatedStorage } from '../machine/simulated-storage.js';
import type { Judge } from '../judge/judge.js';
import type { Agent } from './agent.js';
import type { Client } from './clients.js';
import type { Origin } from './origin.js';
import { UNREAD_FORMS } from './record-text.js';
import { HEARTBEATS_MS, HISTORY_EVENTS, type FaultKind, type FaultPlan, type LifePlan } from './plan.js';
import { COORDINATION, directoryOf, fileOf, MUSE, SECRET, type Repository } from './repository.js';

export interface OperatorServices {
  readonly plan: LifePlan;
  readonly host: SimulatedHost;
  readonly repository: Repository;
  readonly storage: SimulatedStorage;
  readonly network: SimulatedNetwork;
  readonly origin: Origin;
  readonly agents: readonly Agent[];
  readonly clients: readonly Client[];
  readonly judge: Judge;
  readonly tell: (text: string) => void;
}

/** The duration of a flood of writes; the server is notified only after it. */
const BURST_MS = 50;
const BURST_WRITES = 700;

/** … or, if the server is stopped meanwhile, all writes until it continues. */
const STOP_MS = 1_500;

/** A directory cannot be listed for so much longer than other faults last, so that a comparison meets it. */
const UNLISTABLE_MS = 6_000;

/** How soon a repair that finds nothing to repair is tried again. */
const REPAIR_MS = 100;

/** Faults in which a server may not know what the files say. */
const BLINDING: ReadonlySet<FaultKind> = new Set([
  'clock step',
  'no descriptors',
  'read errors',
  'stale handles',
  'closed directory',
  'moved away',
  'removed directory',
  'unlistable directory',
  'linked directory',
]);

const ONE_OF = ['reservation', 'heartbeat', 'task', 'release'] as const satisfies readonly Kind[];

/** Causes the faults of the machine in the plan, and repairs each one after its time. */
export class Operator {
  readonly #fileFaults = new Set<FileFault>();
  readonly #storageFaults = new Set<(call: string) => string | undefined>();
  readonly #fileFault: FileFault;
  #flushMs = 1;
  readonly #random: SeededRandom;
  #stops = 0;
  #isMovedAway = false;
  /** The directories that cannot be looked into now. */
  readonly #blindnesses = new Set<object>();
  #awakeSince = 0;

  constructor(private readonly services: OperatorServices) {
    this.#random = new SeededRandom(services.plan.seed, 'operator');
    const { storage } = services;
    this.#fileFault = (call, path) => {
      for (const fault of this.#fileFaults) {
        const code = fault(call, path);
        if (code !== undefined) return code;
      }
      return undefined;
    };
    storage.faults = {
      fault: (call) => {
        for (const fault of this.#storageFaults) {
          const code = fault(call);
          if (code !== undefined) return code;
        }
        return undefined;
      },
      flushMs: () => this.#flushMs * (0.5 + this.#random.fraction()),
      left: (count) => this.#random.below(count),
    };
  }

  get #isSlow(): boolean {
    return this.services.plan.faults.some(({ kind }) => kind === 'slow machine');
  }

  /** For how long the server has been able to work. */
  get awakeMs(): number {
    return this.#stops > 0 ? 0 : this.services.host.time.now - this.#awakeSince;
  }

  start(faults: readonly FaultPlan[]): void {
    for (const fault of faults) {
      this.services.host.time.after(fault.atMs, () => {
        this.services.tell(`fault: ${fault.kind} for ${String(fault.forMs)} ms`);
        if (BLINDING.has(fault.kind)) this.services.judge.blinded(blindMs(fault));
        this.#strike(fault);
      });
    }
  }

  #strike({ kind, forMs, pick }: FaultPlan): void {
    const { host, repository, storage, network, origin, agents, clients } = this.services;
    const { disk } = repository;
    const oneOf = <T>(things: readonly T[]): T => things[Math.floor(pick * things.length)]!;
    switch (kind) {
      case 'kill':
        this.#asleep(forMs, () => origin.kill());
        this.#later(forMs, () => origin.start());
        return;
      case 'restart':
        this.#asleep(forMs, () => undefined);
        origin.stop(() => this.#later(forMs, () => origin.start()));
        return;
      case 'power cut':
        this.#asleep(forMs, () => {
          origin.kill();
          storage.cutPower();
          host.boot = `boot-${String(host.time.steps)}`;
        });
        this.#later(forMs, () => origin.start());
        return;
      case 'stop':
        this.#stop(forMs);
        return;
      case 'busy':
        this.#asleep(forMs, () => origin.process?.keepBusy(forMs));
        return;
      case 'clock step': {
        const byMs = pick < 0.5 ? -Math.round(pick * 60_000) : Math.round((pick - 0.5) * 120_000);
        this.#setClock(byMs);
        if (forMs > 60) this.#later(forMs, () => this.#setClock(-byMs));
        return;
      }
      case 'cut network':
        network.cut();
        this.#later(forMs, () => network.mend());
        return;
      case 'reset connections':
        network.reset(() => this.#random.chance(0.5));
        return;
      case 'stalled client': {
        const { process, network: its } = oneOf(clients);
        its.setReading(process, false);
        this.#later(forMs, () => its.setReading(process, true));
        return;
      }
      case 'client leaves':
        oneOf(clients).leaves(forMs);
        return;
      case 'no descriptors':
        this.#failing(forMs, (call) => (call === 'open' || call === 'list' || call === 'watch' ? 'EMFILE' : undefined));
        return;
      case 'read errors':
        this.#failing(forMs, (call) => (call === 'read' && this.#random.chance(0.5) ? 'EIO' : undefined));
        return;
      case 'stale handles':
        this.#failing(forMs, (call, path) =>
          (call === 'list' || call === 'look' || call === 'open') &&
          path.includes(`/${oneOf(ONE_OF)}`) &&
          this.#random.chance(0.7)
            ? 'ESTALE'
            : undefined,
        );
        return;
      case 'closed directory': {
        const path = directoryOf(oneOf(ONE_OF));
        const directory = disk.directory(path);
        if (!directory) return;
        disk.changeMode(path, 0);
        this.#blindFor(forMs);
        this.#later(forMs, () => {
          // It may have been moved away since, and would come back as it is.
          const itsPath = disk.pathOf(directory);
          if (itsPath !== undefined) disk.changeMode(itsPath, 0o700);
          // Another fault may have closed it, too: it is open now.
          this.#seesOthers();
        });
        return;
      }
      case 'unlistable directory': {
        // It can be watched, and its files can be read: only nobody can say which they are.
        const path = `/${KIND_DIRECTORIES[oneOf(ONE_OF)]}`;
        this.#failing(forMs + UNLISTABLE_MS, (call, at) => (call === 'list' && at.endsWith(path) ? 'EIO' : undefined));
        // The next comparison notices that. On a slow machine it may come late.
        const { reconcileMs } = this.services.plan.options;
        if (reconcileMs > forMs + UNLISTABLE_MS || this.#isSlow) return;
        this.#later(reconcileMs, () => {
          this.#blindFor(forMs + UNLISTABLE_MS - reconcileMs);
        });
        return;
      }
      case 'moved away': {
        const path = pick < 0.5 ? COORDINATION : MUSE;
        if (this.#isMovedAway || !disk.directory(path)) return;
        this.#isMovedAway = true;
        this.#seesOthers();
        disk.rename(path, `${path}-away`);
        this.#later(forMs, () => {
          // A directory that was made in its place meanwhile is removed with its files.
          if (disk.directory(path)) disk.remove(path, 'root');
          disk.rename(`${path}-away`, path);
          this.#isMovedAway = false;
        });
        return;
      }
      case 'linked directory': {
        const path = pick < 0.7 ? COORDINATION : directoryOf(oneOf(ONE_OF));
        if (this.#isMovedAway || !disk.directory(path)) return;
        this.#isMovedAway = true;
        this.#seesOthers();
        disk.rename(path, `${path}-kept`);
        disk.link(SECRET.slice(0, SECRET.lastIndexOf('/')), path);
        this.#later(forMs, () => {
          disk.remove(path, 'root');
          disk.rename(`${path}-kept`, path);
          this.#isMovedAway = false;
        });
        // A server that starts meanwhile looks for its directories.
        this.#asleep(forMs, () => origin.kill());
        this.#later(forMs / 2, () => origin.start());
        return;
      }
      case 'upgrade':
        this.#asleep(forMs, () => undefined);
        origin.stop(() => {
          origin.upgrade(this.#otherSetup());
          network.isLater = !network.isLater;
          this.#later(forMs, () => origin.start());
        });
        return;
      case 'removed directory': {
        const kindStruck = oneOf(KINDS);
        this.#seesOthers();
        try {
          if (disk.directory(directoryOf(kindStruck))) disk.remove(directoryOf(kindStruck));
        } catch {
          // A directory without permissions cannot be emptied, not even by its owner.
        }
        this.#later(forMs, () => {
          try {
            repository.ensure(kindStruck);
          } catch {
            // Its parent directory is away and returns with it.
          }
        });
        return;
      }
      case 'lost hints':
        this.#conditions(Math.max(forMs, STOP_MS), (conditions) => {
          // No kernel has a smaller queue, and only a burst exceeds this one.
          conditions.maxQueuedHints = 1_000 + Math.floor(pick * 500);
        });
        if (pick < 0.5) this.#asleep(BURST_MS, () => origin.process?.keepBusy(BURST_MS));
        else this.#stop(Math.max(forMs, STOP_MS));
        for (let i = 0; i < BURST_WRITES; i++) oneOf(agents).tryToWrite('task', `flood-${String(i % 60)}`, { n: i });
        return;
      case 'late hints':
        this.#conditions(forMs, (conditions) => {
          conditions.hintDelayMs = () => this.#random.between(1, 200);
        });
        return;
      case 'dead writer': {
        const agent = oneOf(agents);
        agent.diesWriting = true;
        this.#later(forMs, () => (agent.diesWriting = false));
        return;
      }
      case 'unread files': {
        const form = oneOf(UNREAD_FORMS);
        const writers = agents.filter(() => this.#random.chance(0.2));
        for (const writer of writers) writer.writesUnread(form);
        this.#later(forMs, () => {
          for (const writer of writers) writer.writesReadably();
        });
        return;
      }
      case 'planted link': {
        const path = fileOf(oneOf(ONE_OF), 'planted');
        try {
          disk.link('/etc/passwd', path);
        } catch {
          return;
        }
        const planted = disk.node(path)!;
        const repair = (): void => {
          if (planted.links === 0) return;
          if (disk.node(path) === planted) disk.remove(path, 'root');
          // It was moved away, and comes back with its directory.
          else this.#later(REPAIR_MS, repair);
        };
        this.#later(forMs, repair);
        return;
      }
      case 'full disk': {
        const fault = (call: string): string | undefined => (call === 'read' ? undefined : 'ENOSPC');
        this.#storageFaults.add(fault);
        this.#later(forMs, () => this.#storageFaults.delete(fault));
        return;
      }
      case 'slow disk':
        this.#flushMs = 500;
        this.#later(forMs, () => (this.#flushMs = 1));
        return;
      case 'slow machine':
        this.#conditions(forMs, (conditions) => {
          conditions.lookCostMs = 0.2 + pick;
        });
        return;
      case 'burst':
        for (let i = 0; i < 40 + Math.floor(pick * 200); i++)
          oneOf(agents).tryToWrite('task', `burst-${String(i % 50)}`, { n: i });
        return;
      case 'large record':
        oneOf(agents).tryToWrite(pick < 0.5 ? 'task' : 'intent', 'large', {
          text: 'x'.repeat(Math.floor(pick * 300_000)),
        });
        return;
    }
  }

  #otherSetup(): Partial<LifePlan> {
    const { options, isJournalled } = this.services.plan;
    const maxHistoryEvents = this.#random.pick(HISTORY_EVENTS);
    const heartbeatMs = this.#random.pick(HEARTBEATS_MS);
    const changesJournal = this.#random.chance(0.3);
    return { options: { ...options, maxHistoryEvents, heartbeatMs }, isJournalled: isJournalled !== changesJournal };
  }

  /** For a time a directory cannot be looked into. */
  #blindFor(ms: number): void {
    const { judge } = this.services;
    const blindness = {};
    this.#blindnesses.add(blindness);
    judge.sightChanged(true);
    this.#later(ms, () => {
      this.#blindnesses.delete(blindness);
      judge.sightChanged(this.#blindnesses.size > 0);
    });
  }

  /** The directories that could not be looked into may be open again, or others may be in their place, or none. */
  #seesOthers(): void {
    this.#blindnesses.clear();
    this.services.judge.sightChanged(false);
  }

  #stop(ms: number): void {
    const { process } = this.services.origin;
    this.#asleep(ms, () => process?.stop());
    this.#later(ms, () => process?.goOn());
  }

  #setClock(byMs: number): void {
    const { host, repository } = this.services;
    // Record the latest time of the clock before it is set.
    repository.noteClock();
    host.wallOffsetMs += byMs;
    repository.clockStepped(byMs);
  }

  #later(ms: number, act: () => void): void {
    this.services.host.time.after(ms, act);
  }

  /** Stops the server for a time. */
  #asleep(ms: number, act: () => void): void {
    this.#stops++;
    act();
    this.#later(ms, () => {
      this.#stops--;
      this.#awakeSince = this.services.host.time.now;
    });
  }

  #failing(ms: number, fault: FileFault): void {
    const { origin } = this.services;
    this.#fileFaults.add(fault);
    origin.conditions.fileFault = this.#fileFault;
    origin.apply();
    this.#later(ms, () => {
      this.#fileFaults.delete(fault);
      if (this.#fileFaults.size === 0) origin.conditions.fileFault = undefined;
      origin.apply();
    });
  }

  #conditions(ms: number, change: (conditions: Origin['conditions']) => void): void {
    const { origin } = this.services;
    const { maxQueuedHints, hintDelayMs, lookCostMs } = origin.conditions;
    change(origin.conditions);
    origin.apply();
    this.#later(ms, () => {
      Object.assign(origin.conditions, { maxQueuedHints, hintDelayMs, lookCostMs });
      origin.apply();
    });
  }
}

/** For how long a server may not know what the files say. */
function blindMs({ kind, forMs }: FaultPlan): number {
  if (kind === 'clock step') return Infinity;
  return kind === 'unlistable directory' ? forMs + UNLISTABLE_MS : forMs;
}
