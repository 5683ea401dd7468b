import { LEASE_KINDS, type Kind, type UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { LeaseTime, type LeaseDelay } from './lease-time.js';

/** The wall clock is read at least this often, even if no lease is about to end, because it can be set. */
const MAX_SLEEP_MS = 60_000;
/** If a timer is later than this, the process was stopped or the machine slept, and hints may have been lost meanwhile. */
const PAUSE_MS = 1_000;
/** While the directories that decide about leases cannot be seen, they are checked again this often. */
const RETRY_MS = 250;

export interface LeaseDeadlineServices {
  readonly store: RecordStore;
  readonly clock: Clock;
  /** How long a deadline waits for files that were being written when it passed. */
  readonly settleMs: number;
  /** Whether, up to now, each change in the directories of these kinds has given a hint: if not, they are compared first. */
  hintsSuffice(kinds: readonly Kind[]): boolean;
  /** Those of some kinds of which every change has been read, or has caused a hint that is pending or will arrive. */
  known(kinds: readonly Kind[]): ReadonlySet<Kind>;
  /** Checks which directories are at the paths. */
  verify(): void;
  /** Compares a directory with the store. @returns whether the directory could be seen. */
  rescan(kind: Kind): Promise<boolean>;
  /**
   * Whether a file that was first found unsettled at `elapsed` or before may still become a record, and its problem is not
   * published yet: a file that cannot be read, and, if `alsoTorn`, one that is half-written.
   */
  isSettling(kind: Kind, elapsed: number, alsoTorn: boolean): boolean;
  /** Requests a comparison of all directories soon. */
  reconcileSoon(why: string): void;
  /** Requests a turn of the loop, which reads all pending hints and then calls {@link LeaseDeadlines.end}. */
  schedule(): void;
}

/**
 * The progress towards the decision about the next deadline. `waiting`: it has not passed, or the directories cannot be seen.
 * `comparing`: it has passed, and hints may be incomplete, so the directories are compared. `asked`: the directories can be
 * seen, and all earlier changes in them give their hints by the next turn. `settling`: files that were being written at that
 * time get the settle time to become records.
 */
type Progress =
  | { readonly is: 'waiting' }
  | { readonly is: 'comparing' }
  | { readonly is: 'asked'; readonly until: UnixMillis }
  | { readonly is: 'settling'; readonly until: UnixMillis; readonly askedAt: number };

const WAITING: Progress = { is: 'waiting' };

/**
 * Ends leases on time, but only after every file that was on disk at the deadline has been read, because any of them could
 * save a lease. While these files cannot be seen, no lease ends.
 */
export class LeaseDeadlines {
  #time: LeaseTime;
  #progress: Progress = WAITING;
  /** Whether hints may have been lost: the directories are then compared before the next lease ends. */
  #mayHaveMissedHints = true;
  /** After a comparison that failed, the next one does not begin before this time of the monotonic clock. */
  #compareAgainAt = -Infinity;
  #cancelSleep: (() => void) | undefined;
  #isStopped = false;

  constructor(private readonly services: LeaseDeadlineServices) {
    this.#time = new LeaseTime(services.clock);
  }

  start(): void {
    // Loading many files is no sleep.
    this.#time = new LeaseTime(this.services.clock);
    this.#mayHaveMissedHints = !this.services.hintsSuffice(LEASE_KINDS);
    this.sleep();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelSleep?.();
  }

  /** Why a lease that has run out by the wall clock does not end yet; `undefined` if it ends in time. */
  get delay(): LeaseDelay | undefined {
    return this.#time.delay;
  }

  /** Notes that hints may have been lost. */
  doubtHints(): void {
    this.#mayHaveMissedHints = true;
  }

  /** Returns the events of the leases that end now. To be called when all pending hints have been read. */
  end(): readonly StoreEvent[] {
    const { store, clock, schedule } = this.services;
    const progress = this.#progress;
    switch (progress.is) {
      case 'waiting': {
        const now = this.#time.now();
        const due = store.leases.nextDeadline();
        if (due === undefined || due > now) return [];
        // A deadline is so late only after a pause of the process, an accepted step of the clock, or unseen directories.
        if (now - due > PAUSE_MS && !this.#mayHaveMissedHints) this.#pauseNoticed();
        // A directory that changed without a hint may hold a heartbeat.
        this.#mayHaveMissedHints ||= !this.services.hintsSuffice(LEASE_KINDS);
        if (this.#mayHaveMissedHints) {
          // The hints of a comparison cause a turn, and that turn must not begin the next comparison.
          if (clock.elapsed() >= this.#compareAgainAt) void this.#compare(now);
        } else if (this.services.known(LEASE_KINDS).size === LEASE_KINDS.length) {
          this.#progress = { is: 'asked', until: now };
          schedule();
        }
        return [];
      }
      case 'comparing':
        return [];
      case 'asked':
        return this.#decide(progress.until, clock.elapsed());
      case 'settling':
        return this.#decide(progress.until, progress.askedAt);
    }
  }

  /** Sleeps until the next lease may end. To be called when leases may have changed. */
  sleep(): void {
    if (this.#isStopped) return;
    this.#cancelSleep?.();
    const { clock, schedule } = this.services;
    const sleepMs = this.#sleepMs();
    const wakeAt = clock.elapsed() + sleepMs;
    this.#cancelSleep = clock.after(sleepMs, () => {
      if (clock.elapsed() - wakeAt > PAUSE_MS) this.#pauseNoticed();
      // The turn begins after the loop has polled for notifications once more.
      schedule();
    });
  }

  #decide(until: UnixMillis, askedAt: number): readonly StoreEvent[] {
    const { store, clock, settleMs, isSettling } = this.services;
    const isPatient = clock.elapsed() - askedAt < settleMs;
    if (LEASE_KINDS.some((kind) => isSettling(kind, askedAt, isPatient))) {
      this.#progress = { is: 'settling', until, askedAt };
      return [];
    }
    this.#progress = WAITING;
    return store.expireUntil(until);
  }

  /** Compares the directories that decide about leases. The leases that were due end in a turn after that. */
  async #compare(until: UnixMillis): Promise<void> {
    this.#progress = { is: 'comparing' };
    this.#mayHaveMissedHints = false;
    // A directory that was made since may hold a heartbeat: what has not been noticed cannot be compared.
    this.services.verify();
    const seen = await Promise.all(LEASE_KINDS.map((kind) => this.services.rescan(kind)));
    if (this.#isStopped) return;
    if (seen.every(Boolean)) {
      this.#progress = { is: 'asked', until };
      this.services.schedule();
    } else {
      this.#progress = WAITING;
      this.#mayHaveMissedHints = true;
      this.#compareAgainAt = this.services.clock.elapsed() + RETRY_MS;
      this.sleep();
    }
  }

  #sleepMs(): number {
    return Math.min(this.#untilNextMs(), this.#time.readWithinMs);
  }

  #untilNextMs(): number {
    const progress = this.#progress;
    const { store, clock, settleMs } = this.services;
    if (progress.is === 'settling') return Math.max(0, progress.askedAt + settleMs - clock.elapsed());
    if (progress.is !== 'waiting') return MAX_SLEEP_MS;
    const next = store.leases.nextDeadline() ?? Infinity;
    const untilNextMs = next - this.#time.now();
    // A deadline that has passed without a decision waits until the directories can be seen.
    return Math.min(untilNextMs > 0 ? untilNextMs : RETRY_MS, this.#time.delayEndsInMs, MAX_SLEEP_MS);
  }

  #pauseNoticed(): void {
    this.#mayHaveMissedHints = true;
    this.services.reconcileSoon('the process was paused');
  }
}
