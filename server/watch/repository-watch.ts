import { isOfContent, type Observed, type RecordName, type WatchHealth } from '../../protocol/index.js';
import type { ResolvedOptions } from '../config/options.js';
import type { RepositoryIdentity } from '../repository/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Supervision } from '../runtime/supervisor.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { chooseWatcher, chooseWithoutWriting } from './choose-watcher.js';
import { CoordinationDirError, type CoordinationDir } from './coordination-dir.js';
import { systemFiles, type Files } from './files.js';
import { loadRecords } from './load.js';
import type { ReconcileCount } from './reconciler.js';
import { warnOfContent, warnOfProblem } from './record-warnings.js';
import { WatchParts } from './watch-parts.js';
import type { RepositoryGoneError } from './watch-state.js';

/** Parts that a test replaces, the identity of the repository, and how errors are contained. */
export interface WatchOverrides {
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
  readonly #parts: WatchParts;
  readonly #choose: typeof chooseWatcher;
  readonly #supervision: Supervision | undefined;
  readonly #isReadOnly: boolean;
  /** Called when the repository has been gone for longer than `goneAfterMs`. */
  gone: (error: RepositoryGoneError) => void = () => undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly store: RecordStore,
    private readonly clock: Clock,
    private readonly log: Log,
    /** `waitedMs`: the milliseconds since the first hint that led to the events; `undefined` if no hint led to them. */
    publish: (events: readonly StoreEvent[], waitedMs: number | undefined) => void,
    { choose, files = systemFiles, identity, isReadOnly = false, supervision }: WatchOverrides = {},
  ) {
    this.#isReadOnly = isReadOnly;
    const withoutWriting: typeof chooseWatcher = (choice, directories) =>
      Promise.resolve(chooseWithoutWriting(choice, directories));
    this.#choose = choose ?? (isReadOnly ? withoutWriting : chooseWatcher);
    this.#supervision = supervision;
    const gone = (error: RepositoryGoneError): void => {
      this.gone(error);
    };
    this.#parts = new WatchParts({ options, store, clock, log, files, identity, supervision, publish, gone });
    this.dir = this.#parts.directories.dir;
  }

  /** For the metrics: the number of files whose names are not names of records, and of warnings logged. */
  get counts(): { readonly ignoredFiles: number; readonly warnings: number } {
    return { ignoredFiles: this.#parts.ignored.count, warnings: this.#parts.warnings.count };
  }

  get mechanism(): string {
    return this.#parts.watcher?.mechanism ?? 'none';
  }

  get health(): WatchHealth {
    const { state, watcher, ingest, reconciler, fallback } = this.#parts;
    const { report } = state;
    const delay = ingest.leaseDelay;
    return {
      backend: this.mechanism,
      healthy: watcher?.isHealthy === true && report.state === 'watching',
      last_scan_ms: reconciler.lastScan,
      ...report,
      ...fallback.report,
      ...(delay && { leases_wait: delay.why, leases_wait_until_ms: delay.untilMs }),
    };
  }

  /** The number and the cost of the comparisons of all directories with the store. */
  get reconciles(): ReconcileCount {
    return this.#parts.reconciler.count;
  }

  get hasReadLeases(): boolean {
    return this.#parts.visibility.hasReadLeases;
  }

  /** The numbers of hints that have not been read yet and of files that cannot be read yet. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return this.#parts.ingest.backlog;
  }

  /**
   * Starts the watcher, then reads the files into the store. Hints of changes that happen meanwhile wait for {@link run}. If a
   * directory is missing and cannot be made, it counts as empty.
   * @param observed `restart` if the store holds the records of an earlier run.
   * @returns the events since that run.
   * @throws CoordinationDirError if the directories cannot be watched.
   */
  async load(observed: Observed): Promise<StoreEvent[]> {
    const { options, clock, log, store } = this;
    const { directories, reader, fallback, ingest, visibility, warnings } = this.#parts;
    directories.open(this.#makeDirectories() ? 'refused' : 'allowed');
    const watcher = await this.#choose(options.backend, directories, clock, log, options.pollIntervalMs);
    this.#parts.watcher = watcher;
    fallback.begin(watcher, ingest);
    const changes = await loadRecords(
      {
        supervision: this.#supervision,
        store,
        reader,
        directories,
        clock,
        warnings,
        settleMs: options.settleMs,
        maxIdBytes: options.limits.maxIdBytes,
        cannotList: (kind) => {
          visibility.distrust(kind);
        },
      },
      observed,
    );
    for (const version of store.problems) {
      const { kind, id, problem } = version;
      if (problem === undefined || problem === 'unreadable') continue;
      if (isOfContent(problem)) warnOfContent(warnings, version);
      else warnOfProblem(warnings, kind, id, problem);
    }
    return changes;
  }

  /** @returns whether all directories exist now. */
  #makeDirectories(): boolean {
    if (this.#isReadOnly) return false;
    try {
      this.dir.ensure(this.#parts.directories.files);
      return true;
    } catch (error) {
      if (!(error instanceof CoordinationDirError) || !error.isReadOnly) throw error;
      this.log.warn({ why: error.message }, 'directories are missing and cannot be made: they count as empty');
      return false;
    }
  }

  /** Starts to publish changes. */
  run(): void {
    const { ingest, reconciler, fallback, visibility } = this.#parts;
    ingest.start();
    reconciler.start();
    fallback.run();
    visibility.compareDoubted();
    // A directory may have been replaced while it was being loaded.
    visibility.verify();
  }

  stop(): void {
    const { fallback, state, watcher, reconciler, ingest, barrier, directories } = this.#parts;
    fallback.stop();
    state.stop();
    watcher?.stop();
    reconciler.stop();
    ingest.stop();
    barrier.stop();
    directories.close();
  }

  /** See {@link DiskBarrier.reach}. */
  readNow(record: RecordName | undefined): Promise<void> {
    return this.#parts.barrier.reach(record);
  }
}
