import {
  isOfContent,
  KIND_DIRECTORIES,
  type Kind,
  type Observed,
  type RecordName,
  type WatchHealth,
} from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ResolvedOptions } from '../config/options.js';
import type { RepositoryIdentity } from '../repository/index.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import type { Supervision } from '../runtime/supervisor.js';
import { CheckedDirectories } from './checked-directories.js';
import { chooseWatcher, chooseWithoutWriting } from './choose-watcher.js';
import { CoordinationDir, CoordinationDirError } from './coordination-dir.js';
import { DirectoryScan } from './directory-scan.js';
import { DiskBarrier } from './disk-barrier.js';
import { systemFiles, type Files } from './files.js';
import { IgnoredFiles } from './ignored-files.js';
import { Ingest } from './ingest.js';
import { loadRecords } from './load.js';
import { Lookout } from './lookout.js';
import { Reconciler, type ReconcileCount } from './reconciler.js';
import { RecordReader, type Unavailable } from './record-reader.js';
import { sayUnreadable, warnOfContent, warnOfProblem } from './record-warnings.js';
import { Sight } from './sight.js';
import { Warnings } from './warnings.js';
import { WatchState, type RepositoryGoneError } from './watch-state.js';
import type { Watcher } from './watcher.js';

const FULL = 'max_records';

/** Parts that a test replaces, the identity of the repository, and how errors are contained. */
export interface WatchParts {
  readonly choose?: typeof chooseWatcher;
  readonly files?: Files;
  /** @default the identity of the directories that are at the path when watching begins */
  readonly identity?: Pick<RepositoryIdentity, 'check'>;
  /** @default errors are thrown to the caller */
  readonly supervision?: Supervision;
  /** Whether the watch may write nothing: it then treats missing directories as empty and makes no self-test. @default false */
  readonly isReadOnly?: boolean;
}

/** Keeps a store equal to the files of one repository. */
export class RepositoryWatch {
  readonly dir: CoordinationDir;
  readonly #warnings: Warnings;
  readonly #ignored: IgnoredFiles;
  readonly #ingest: Ingest;
  readonly #reader: RecordReader;
  readonly #reconciler: Reconciler;
  readonly #directories: CheckedDirectories;
  readonly #state: WatchState;
  readonly #sight: Sight;
  readonly #choose: typeof chooseWatcher;
  readonly #supervision: Supervision | undefined;
  readonly #isReadOnly: boolean;
  readonly #lookout: Lookout;
  readonly #barrier: DiskBarrier;
  #watcher: Watcher | undefined;
  /** Called when the repository has been gone for longer than `goneAfterMs`. */
  gone: (error: RepositoryGoneError) => void = () => undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly store: RecordStore,
    private readonly clock: Clock,
    private readonly log: Log,
    /** `waitedMs`: the milliseconds since the first hint that led to the events; `undefined` if no hint led to them. */
    publish: (events: readonly StoreEvent[], waitedMs: number | undefined) => void,
    { choose, files = systemFiles, identity, isReadOnly = false, supervision }: WatchParts = {},
  ) {
    const { limits } = options;
    this.#isReadOnly = isReadOnly;
    const withoutWriting: typeof chooseWatcher = (choice, directories) =>
      Promise.resolve(chooseWithoutWriting(choice, directories));
    this.#choose = choose ?? (isReadOnly ? withoutWriting : chooseWatcher);
    this.dir = new CoordinationDir(options.root);
    this.#directories = new CheckedDirectories(this.dir, files, identity);
    this.#state = new WatchState(clock, log, options.goneAfterMs, (error) => {
      this.gone(error);
    });
    this.#warnings = new Warnings(log);
    this.#ignored = new IgnoredFiles(this.#warnings, limits.maxIdBytes);
    this.#supervision = supervision;
    this.#reader = new RecordReader({
      supervision,
      directories: this.#directories,
      maxBytes: limits.maxRecordBytes,
      maxDepth: limits.maxRecordDepth,
      admits: (kind, id) => this.#admits(kind, id),
      warn: (kind, id, warning) => {
        const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
        this.#warnings.once(`${file} ${warning}`, { file }, warning);
      },
    });
    this.#lookout = new Lookout({
      directories: this.#directories,
      clock,
      options,
      rescan: (kind) => this.#reconciler.rescan(kind),
      verify: () => {
        this.#sight.verify();
        this.#sight.compareDoubted();
      },
    });
    const scan = new DirectoryScan({
      store,
      directories: this.#directories,
      clock,
      ignored: this.#ignored,
      linked: this.#reader.linked,
      hint: (kind, id) => {
        this.#ingest.record(kind, id);
      },
      missing: (kind, id) => {
        this.#ingest.missing(kind, id);
      },
    });
    this.#reconciler = new Reconciler(
      scan,
      clock,
      log,
      () => this.#lookout.plan,
      () => {
        this.#sight.verify();
      },
      () => {
        this.#sight.assess();
      },
    );
    this.#sight = new Sight({
      directories: this.#directories,
      reconciler: this.#reconciler,
      store,
      state: this.#state,
      rearm: () => this.#watcher?.verify(),
    });
    this.#ingest = new Ingest({
      supervision,
      store,
      reader: this.#reader,
      clock,
      ignored: this.#ignored,
      warnings: this.#warnings,
      settleMs: options.settleMs,
      admits: (kind, id) => this.#admits(kind, id),
      publish,
      rescan: (kind) => this.#reconciler.rescan(kind),
      seen: (kinds) => this.#sight.seen(kinds),
      known: (kinds) => this.#sight.known(kinds),
      listedName: (kind, id) => files.nameOf(this.#directories.file(kind, id)),
      folds: (kind, id) => this.#directories.folds(kind, id),
      verifyDirectories: () => {
        this.#sight.verify();
      },
      hintsAreComplete: () => this.#lookout.isPrompt,
      tells: (kinds) => this.#lookout.tells(kinds) && !kinds.some((kind) => this.#reader.linked.isAny(kind)),
      reconcileSoon: (why) => {
        this.#reconciler.soon(why);
      },
    });
    this.#barrier = new DiskBarrier({
      clock,
      sight: this.#sight,
      lookout: this.#lookout,
      ingest: this.#ingest,
      reconciler: this.#reconciler,
      linked: this.#reader.linked,
    });
  }

  /** For the metrics: the number of files whose names are not names of records, and of warnings logged. */
  get counts(): { readonly ignoredFiles: number; readonly warnings: number } {
    return { ignoredFiles: this.#ignored.count, warnings: this.#warnings.count };
  }

  get mechanism(): string {
    return this.#watcher?.mechanism ?? 'none';
  }

  get health(): WatchHealth {
    const report = this.#state.report;
    const isWatched = this.#watcher?.isHealthy ?? false;
    const delay = this.#ingest.leaseDelay;
    return {
      backend: this.mechanism,
      healthy: isWatched && report.state === 'watching',
      last_scan_ms: this.#reconciler.lastScan,
      ...report,
      ...this.#lookout.report,
      ...(delay && { leases_wait: delay.why, leases_wait_until_ms: delay.untilMs }),
    };
  }

  /** The number and the cost of the comparisons of all directories with the store. */
  get reconciles(): ReconcileCount {
    return this.#reconciler.count;
  }

  get hasReadLeases(): boolean {
    return this.#sight.hasReadLeases;
  }

  /** The numbers of hints that have not been read yet and of files that cannot be read yet. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return this.#ingest.backlog;
  }

  /**
   * Starts the watcher, then reads the files into the store. Hints of changes that happen meanwhile wait for {@link run}. If a
   * directory is missing and cannot be made, it counts as empty.
   * @param observed `restart` if the store holds the records of an earlier run.
   * @returns the events since that run.
   * @throws CoordinationDirError if the directories cannot be watched.
   */
  async load(observed: Observed): Promise<StoreEvent[]> {
    const { options, clock, log } = this;
    const directories = this.#directories;
    directories.open(this.#makeDirectories() ? 'refused' : 'allowed');
    this.#watcher = await this.#choose(options.backend, directories, clock, log, options.pollIntervalMs);
    this.#lookout.begin(this.#watcher, this.#ingest);
    const { settleMs, limits } = options;
    const { maxIdBytes } = limits;
    const services = {
      supervision: this.#supervision,
      store: this.store,
      reader: this.#reader,
      directories,
      clock,
      settleMs,
      maxIdBytes,
      cannotList: (kind: Kind) => {
        this.#sight.distrust(kind);
      },
      sayUnreadable: (reading: Unavailable) => {
        sayUnreadable(this.#warnings, reading);
      },
    };
    const changes = await loadRecords(services, observed);
    for (const version of this.store.problems) {
      const { kind, id, problem } = version;
      if (problem === undefined || problem === 'unreadable') continue;
      if (isOfContent(problem)) warnOfContent(this.#warnings, version);
      else warnOfProblem(this.#warnings, kind, id, problem);
    }
    return changes;
  }

  /** @returns whether all directories exist now. */
  #makeDirectories(): boolean {
    if (this.#isReadOnly) return false;
    try {
      this.dir.ensure(this.#directories.files);
      return true;
    } catch (error) {
      if (!(error instanceof CoordinationDirError) || !error.isReadOnly) throw error;
      this.log.warn({ why: error.message }, 'directories are missing and cannot be made: they count as empty');
      return false;
    }
  }

  /** Starts to publish changes. */
  run(): void {
    this.#ingest.start();
    this.#reconciler.start();
    this.#lookout.run();
    this.#sight.compareDoubted();
    // A directory may have been replaced while it was being loaded.
    this.#sight.verify();
  }

  /** Whether the store has this record already, or has room for one more. */
  #admits(kind: Kind, id: string): boolean {
    const { maxRecords } = this.options.limits;
    if (this.store.size < maxRecords) {
      this.#warnings.forget(FULL);
      return true;
    }
    if (this.store.get(kind, id)) return true;
    this.#warnings.once(
      FULL,
      { max_records: maxRecords },
      'the limit of records is reached: further records are not taken in until others are removed',
    );
    return false;
  }

  stop(): void {
    this.#lookout.stop();
    this.#state.stop();
    this.#watcher?.stop();
    this.#reconciler.stop();
    this.#ingest.stop();
    this.#barrier.stop();
    this.#directories.close();
  }

  /** See {@link DiskBarrier.reach}. */
  readNow(record: RecordName | undefined): Promise<void> {
    return this.#barrier.reach(record);
  }
}
