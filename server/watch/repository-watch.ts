import { KIND_DIRECTORIES, KINDS, type Kind, type Observed, type WatchHealth } from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { ResolvedOptions } from '../options.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { chooseWatcher } from './choose-watcher.js';
import { CoordinationDir } from './coordination-dir.js';
import { DirectoryScan } from './directory-scan.js';
import { IgnoredFiles } from './ignored-files.js';
import { Ingest, warnOfProblem } from './ingest.js';
import { loadRecords } from './load.js';
import { Reconciler, type ReconcileCount } from './reconciler.js';
import { RecordReader } from './record-reader.js';
import { Warnings } from './warnings.js';
import type { Watcher } from './watcher.js';

const FULL = 'max_records';

/** Everything that keeps a store in step with one repository's files. */
export class RepositoryWatch {
  readonly dir: CoordinationDir;
  readonly #warnings: Warnings;
  readonly #ignored: IgnoredFiles;
  readonly #ingest: Ingest;
  readonly #reader: RecordReader;
  readonly #reconciler: Reconciler;
  #watcher: Watcher | undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly store: RecordStore,
    private readonly clock: Clock,
    private readonly log: Log,
    /** `waitedMs`: since the first hint that led to them; `undefined` where none did. */
    publish: (events: readonly StoreEvent[], waitedMs: number | undefined) => void,
    /** What takes the place of the system's watchers in a test. */
    private readonly choose: typeof chooseWatcher = chooseWatcher,
  ) {
    const { limits } = options;
    this.dir = new CoordinationDir(options.root);
    this.#warnings = new Warnings(log);
    this.#ignored = new IgnoredFiles(this.#warnings, limits.maxIdBytes);
    this.#reader = new RecordReader({
      dir: this.dir,
      maxBytes: limits.maxRecordBytes,
      maxDepth: limits.maxRecordDepth,
      admits: (kind, id) => this.#admits(kind, id),
      warn: (kind, id, warning) => {
        const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
        this.#warnings.once(`${file} ${warning}`, { file }, warning);
      },
    });
    const scan = new DirectoryScan({
      store,
      dir: this.dir,
      clock,
      ignored: this.#ignored,
      hint: (kind, id) => {
        this.#ingest.record(kind, id);
      },
    });
    this.#reconciler = new Reconciler(scan, clock, log, options.reconcileMs, () => this.#watcher?.verify());
    this.#ingest = new Ingest({
      store,
      reader: this.#reader,
      clock,
      ignored: this.#ignored,
      warnings: this.#warnings,
      settleMs: options.settleMs,
      publish,
      rescan: (kind) => this.#reconciler.rescan(kind),
      hintsAreComplete: () => this.mechanism !== 'polling',
      reconcileSoon: (why) => {
        this.#reconciler.soon(why);
      },
    });
  }

  /** Files whose names are no record's, and warnings given: for the metrics. */
  get counts(): { readonly ignoredFiles: number; readonly warnings: number } {
    return { ignoredFiles: this.#ignored.count, warnings: this.#warnings.count };
  }

  get mechanism(): string {
    return this.#watcher?.mechanism ?? 'none';
  }

  get health(): WatchHealth {
    return {
      backend: this.mechanism,
      healthy: this.#watcher?.isHealthy ?? false,
      last_scan_ms: this.#reconciler.lastScan,
    };
  }

  /** Comparisons of everything with the directories. */
  get reconciles(): ReconcileCount {
    return this.#reconciler.count;
  }

  /** Hints not acted upon, and files that cannot be read yet. */
  get backlog(): { readonly pending: number; readonly unsettled: number } {
    return this.#ingest.backlog;
  }

  /**
   * Watches, then brings the store in step with the files: what changes meanwhile waits for {@link run}.
   * @param observed `restart` where the store remembers an earlier run; what is returned has happened since then.
   * @throws CoordinationDirError where the directories cannot be watched.
   */
  async load(observed: Observed): Promise<StoreEvent[]> {
    const { dir, options, clock, log } = this;
    dir.ensure();
    this.#watcher = await this.choose(options.backend, dir, clock, log, options.pollIntervalMs);
    this.#watcher.start(this.#ingest);
    const { settleMs, limits } = options;
    const services = { store: this.store, reader: this.#reader, dir, clock, settleMs, maxIdBytes: limits.maxIdBytes };
    const changes = await loadRecords(services, observed);
    for (const { kind, id, problem } of this.store.problems) warnOfProblem(this.#warnings, kind, id, problem!);
    return changes;
  }

  /** From here on changes are published. */
  run(): void {
    this.#ingest.start();
    this.#reconciler.start();
  }

  /** Whether there is room for one more record, where it is one more. */
  #admits(kind: Kind, id: string): boolean {
    const { maxRecords } = this.options.limits;
    if (this.store.size < maxRecords) {
      this.#warnings.forget(FULL);
      return true;
    }
    if (this.store.get(kind, id)) return true;
    this.#warnings.once(FULL, { max_records: maxRecords }, 'further records are not taken in until others go');
    return false;
  }

  stop(): void {
    this.#watcher?.stop();
    this.#reconciler.stop();
    this.#ingest.stop();
  }

  /** Reads a record, or everything, now; when it returns, what was on disk at the call has been published. */
  async readNow(record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void> {
    if (record) {
      this.#ingest.readNow(record);
      return;
    }
    // A scan that is under way may have passed what was written since it began.
    await Promise.all(KINDS.map((kind) => this.#reconciler.rescan(kind)));
    await this.#ingest.drain();
  }
}
