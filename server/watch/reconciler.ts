import { KINDS, type Kind, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { UnseenDirectoryError, type DirectoryScan, type ScanReport } from './directory-scan.js';

/** The longest wait between comparisons. */
const MAX_PAUSE_MS = 300_000;
/** After an incident that may have lost hints, the next comparison comes this soon. */
const SOON_MS = 250;

/** How often all directories are compared. */
export interface ReconcilePace {
  /** The shortest wait between comparisons. */
  readonly compareMs: number;
  /** Bounds the share of a core that comparisons take: after one that occupied the loop for t, the next waits this many t. */
  readonly restFactor: number;
}

/** The cost of all comparisons so far. Times are in milliseconds. */
export interface ReconcileCount {
  /** The number of comparisons of all directories. */
  readonly rounds: number;
  /** How long all comparisons have occupied the loop. */
  readonly busyMs: number;
  /** How long the last comparison of all directories took from beginning to end. */
  readonly lastMs: number;
}

/**
 * Compares directories with the store: one directory when a hint has no name; all of them on a slow clock, and soon after
 * hints may have been lost. Hints can be lost, so only these comparisons guarantee that the store becomes right.
 */
export class Reconciler {
  readonly #scanning = new Map<Kind, Promise<boolean>>();
  /** The scan that follows the running one: one for all requests that came during it. */
  readonly #next = new Map<Kind, Promise<boolean>>();
  readonly #unseen = new Map<Kind, string>();
  /** The kinds of which hints may have been lost since their last comparison, each with the number of the last such incident. */
  readonly #unverified = new Map<Kind, number>();
  #incidents = 0;
  #cancel: (() => void) | undefined;
  #phase: 'idle' | 'running' | 'stopped' = 'idle';
  #soonAt: number | undefined;
  #lastScan: UnixMillis;
  #busyMs = 0;
  #count = { rounds: 0, busyMs: 0, lastMs: 0 };

  constructor(
    private readonly scan: DirectoryScan,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly pace: () => ReconcilePace,
    /** Called before each comparison of all directories: checks that the watched directories are still at their paths. */
    private readonly verifyWatches: () => void,
    /** Called when a directory cannot be compared any more, or can be compared again. */
    private readonly visibilityChanged: () => void = () => undefined,
  ) {
    this.#lastScan = clock.now();
  }

  /** When all directories were last compared. */
  get lastScan(): UnixMillis {
    return this.#lastScan;
  }

  get count(): ReconcileCount {
    return this.#count;
  }

  /** The kinds whose directory could not be compared at the last attempt, each with the reason. */
  get unseen(): ReadonlyMap<Kind, string> {
    return this.#unseen;
  }

  /** Notes that a kind's directory cannot be compared. */
  cannotSee(kind: Kind, why: string): void {
    const isNew = !this.#unseen.has(kind);
    this.#unseen.set(kind, why);
    if (isNew) this.visibilityChanged();
  }

  start(): void {
    this.#phase = 'running';
    this.#lastScan = this.clock.now();
    this.#sleep(this.pace().compareMs);
  }

  stop(): void {
    this.#phase = 'stopped';
    this.#cancel?.();
  }

  /**
   * Compares one directory. A request during a scan of it causes one more scan.
   * @returns whether the directory could be seen.
   */
  rescan(kind: Kind): Promise<boolean> {
    const current = this.#scanning.get(kind);
    if (!current) return this.#begin(kind);
    // Each caller waits for one scan only. Further requests do not delay it.
    const next = this.#next.get(kind) ?? current.then(() => this.#begin(kind));
    this.#next.set(kind, next);
    return next;
  }

  #begin(kind: Kind): Promise<boolean> {
    this.#next.delete(kind);
    const done = this.#scan(kind);
    this.#scanning.set(kind, done);
    return done;
  }

  /** Compares all directories now. */
  async everything(): Promise<void> {
    this.verifyWatches();
    this.#busyMs = 0;
    const from = this.clock.elapsed();
    const seen = await Promise.all(KINDS.map((kind) => this.rescan(kind)));
    if (seen.every(Boolean)) this.#lastScan = this.clock.now();
    this.#count.rounds++;
    this.#count.lastMs = this.clock.elapsed() - from;
  }

  /** Whether no hint of a kind can have been lost since the last comparison of its directory, which was seen then. */
  hasAllHints(kind: Kind): boolean {
    return !this.#unverified.has(kind) && !this.#unseen.has(kind);
  }

  /** Brings the next comparison of all directories forward, because hints may have been lost. */
  soon(why: string): void {
    this.#incidents++;
    for (const kind of KINDS) this.#unverified.set(kind, this.#incidents);
    const at = this.clock.elapsed() + SOON_MS;
    if (this.#phase !== 'running' || (this.#soonAt !== undefined && this.#soonAt <= at)) return;
    this.log.debug({ why }, 'reconcile soon');
    this.#sleep(SOON_MS);
  }

  async #scan(kind: Kind): Promise<boolean> {
    const incident = this.#unverified.get(kind);
    try {
      this.#report(kind, await this.scan.run(kind));
      if (this.#unverified.get(kind) === incident) this.#unverified.delete(kind);
      if (this.#unseen.delete(kind)) this.visibilityChanged();
      return true;
    } catch (error) {
      this.cannotSee(kind, (error as Error).message);
      if (!(error instanceof UnseenDirectoryError))
        this.log.warn({ kind, err: error }, 'cannot compare the directory; it is compared again later');
      return false;
    } finally {
      this.#scanning.delete(kind);
    }
  }

  #report(kind: Kind, { files, differences, busyMs }: ScanReport): void {
    this.#busyMs += busyMs;
    this.#count.busyMs += busyMs;
    if (differences > 0) this.log.debug({ kind, files, differences }, 'directory compared');
  }

  #sleep(delayMs: number): void {
    this.#cancel?.();
    this.#soonAt = this.clock.elapsed() + delayMs;
    this.#cancel = this.clock.after(delayMs, () => {
      this.#soonAt = undefined;
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    try {
      await this.everything();
    } catch (error) {
      this.log.warn({ err: error }, 'cannot compare the directories; trying again');
    }
    if (this.#phase !== 'running' || this.#soonAt !== undefined) return;
    const { compareMs, restFactor } = this.pace();
    const restMs = Math.min(this.#busyMs * restFactor, MAX_PAUSE_MS);
    this.#sleep(Math.max(compareMs, restMs));
  }
}
