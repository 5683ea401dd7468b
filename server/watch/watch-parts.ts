import { KIND_DIRECTORIES, type Kind } from '../../protocol/index.js';
import type { ResolvedOptions } from '../config/options.js';
import type { RepositoryIdentity } from '../repository/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Supervision } from '../runtime/supervisor.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { CheckedDirectories } from './checked-directories.js';
import { CoordinationDir } from './coordination-dir.js';
import { DirectoryScan } from './directory-scan.js';
import { DiskBarrier } from './disk-barrier.js';
import { FallbackChecks } from './fallback-checks.js';
import type { Files } from './files.js';
import { IgnoredFiles } from './ignored-files.js';
import { Ingest } from './ingest.js';
import { Reconciler } from './reconciler.js';
import { RecordReader } from './record-reader.js';
import { Visibility } from './visibility.js';
import { Warnings } from './warnings.js';
import { WatchState, type RepositoryGoneError } from './watch-state.js';
import type { Watcher } from './watcher.js';

/** The key of the warning that the store is full. */
const FULL = 'max_records';

/** What the parts of a watch are made with. */
export interface WatchContext {
  readonly options: ResolvedOptions;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Files;
  readonly identity: Pick<RepositoryIdentity, 'check'> | undefined;
  readonly supervision: Supervision | undefined;
  publish(events: readonly StoreEvent[], waitedMs: number | undefined): void;
  /** Called when the repository has been gone for longer than `goneAfterMs`. */
  gone(error: RepositoryGoneError): void;
}

/** The parts of a watch, joined. They call each other in circles, so each is looked up only when it is called. */
export class WatchParts {
  readonly directories: CheckedDirectories;
  readonly state: WatchState;
  readonly warnings: Warnings;
  readonly ignored: IgnoredFiles;
  readonly reader: RecordReader;
  readonly fallback: FallbackChecks;
  readonly reconciler: Reconciler;
  readonly visibility: Visibility;
  readonly ingest: Ingest;
  readonly barrier: DiskBarrier;
  /** `undefined` until the watch has chosen one. */
  watcher: Watcher | undefined;

  constructor(private readonly context: WatchContext) {
    const { options, clock, log, files, identity } = context;
    this.directories = new CheckedDirectories(new CoordinationDir(options.root), files, identity);
    this.state = new WatchState(clock, log, options.goneAfterMs, (error) => {
      context.gone(error);
    });
    this.warnings = new Warnings(log);
    this.ignored = new IgnoredFiles(this.warnings, options.limits.maxIdBytes);
    this.reader = this.#makeReader();
    this.fallback = this.#makeFallback();
    this.reconciler = this.#makeReconciler();
    this.visibility = this.#makeVisibility();
    this.ingest = this.#makeIngest();
    const { visibility, fallback, ingest, reconciler, reader } = this;
    this.barrier = new DiskBarrier({ clock, visibility, fallback, ingest, reconciler, linked: reader.linked });
  }

  #makeReader(): RecordReader {
    const { options, supervision } = this.context;
    return new RecordReader({
      supervision,
      directories: this.directories,
      maxBytes: options.limits.maxRecordBytes,
      maxDepth: options.limits.maxRecordDepth,
      admits: (kind, id) => this.#admits(kind, id),
      warn: (kind, id, warning) => {
        const file = `${KIND_DIRECTORIES[kind]}/${id}.json`;
        this.warnings.once(`${file} ${warning}`, { file }, warning);
      },
    });
  }

  #makeFallback(): FallbackChecks {
    const { options, clock } = this.context;
    return new FallbackChecks({
      directories: this.directories,
      clock,
      options,
      rescan: (kind) => this.reconciler.rescan(kind),
      verify: () => {
        this.visibility.verify();
        this.visibility.compareDoubted();
      },
    });
  }

  #makeReconciler(): Reconciler {
    const { store, clock, log } = this.context;
    const scan = new DirectoryScan({
      store,
      directories: this.directories,
      clock,
      ignored: this.ignored,
      linked: this.reader.linked,
      hint: (kind, id) => {
        this.ingest.record(kind, id);
      },
      missing: (kind, id) => {
        this.ingest.missing(kind, id);
      },
    });
    return new Reconciler(
      scan,
      clock,
      log,
      () => this.fallback.plan,
      () => {
        this.visibility.verify();
      },
      () => {
        this.visibility.assess();
      },
    );
  }

  #makeVisibility(): Visibility {
    const { directories, reconciler, state } = this;
    const { store } = this.context;
    return new Visibility({ directories, reconciler, store, state, rearm: () => this.watcher?.verify() });
  }

  #makeIngest(): Ingest {
    const { options, store, clock, files, supervision } = this.context;
    const { directories, reader, reconciler, visibility, fallback } = this;
    return new Ingest({
      supervision,
      store,
      reader,
      clock,
      ignored: this.ignored,
      warnings: this.warnings,
      settleMs: options.settleMs,
      admits: (kind, id) => this.#admits(kind, id),
      publish: (events, waitedMs) => {
        this.context.publish(events, waitedMs);
      },
      rescan: (kind) => reconciler.rescan(kind),
      seen: (kinds) => visibility.seen(kinds),
      known: (kinds) => visibility.known(kinds),
      listedName: (kind, id) => files.nameOf(directories.file(kind, id)),
      folds: (kind, id) => directories.folds(kind, id),
      verifyDirectories: () => {
        visibility.verify();
      },
      hintsAreComplete: () => fallback.isPrompt,
      hintsSuffice: (kinds) => fallback.hintsSuffice(kinds) && !kinds.some((kind) => reader.linked.isAny(kind)),
      reconcileSoon: (why) => {
        reconciler.soon(why);
      },
    });
  }

  /** Whether the store has this record already, or has room for one more. */
  #admits(kind: Kind, id: string): boolean {
    const { options, store } = this.context;
    const { maxRecords } = options.limits;
    if (store.size < maxRecords) {
      this.warnings.forget(FULL);
      return true;
    }
    if (store.get(kind, id)) return true;
    this.warnings.once(
      FULL,
      { max_records: maxRecords },
      'the limit of records is reached: further records are not taken in until others are removed',
    );
    return false;
  }
}
