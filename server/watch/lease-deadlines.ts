import type { Kind, UnixMillis } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { LeaseTime } from './lease-time.js';

/** The wall clock is looked at this often though no lease is about to end, because it can be set. */
const MAX_NAP_MS = 60_000;
/** Later than this, the process was stopped or the machine asleep, and hints may have been lost meanwhile. */
const PAUSE_MS = 1_000;
/** While it cannot be seen what might save a lease, it is tried again this often. */
const RETRY_MS = 250;

/** What can begin, save or end a lease. */
const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];

export interface LeaseDeadlineServices {
  readonly store: RecordStore;
  readonly clock: Clock;
  /** How long a deadline waits for files that were in flight when it passed. */
  readonly settleMs: number;
  /** Whether the mechanism in use hints at each file that changes, at once. */
  hintsAreComplete(): boolean;
  /** Whether nothing that has happened in a kind's directory can be unknown, but for what hints on their way will tell. */
  knowsAll(kind: Kind): boolean;
  /** Compares a directory with the store. @returns whether it could be seen. */
  rescan(kind: Kind): Promise<boolean>;
  /**
   * Whether a file that was met before `elapsed` may still turn out to be a record, and nothing has been told of it: one
   * that cannot be read, and, if `alsoTorn`, one that is half-written.
   */
  isSettling(kind: Kind, elapsed: number, alsoTorn: boolean): boolean;
  reconcileSoon(why: string): void;
  /** Asks for a turn of the loop, which reads what has been hinted at and then calls {@link LeaseDeadlines.end}. */
  schedule(): void;
}

/**
 * How far the next deadline is from being decided. `waiting` for it. `comparing`: it has passed, and hints cannot be
 * trusted to be complete, so the disk is compared. `asked`: the directories can be seen, and what happened in them before
 * gives its hints by the next turn. `settling`: files that were in flight then are given the time to become records.
 */
type Progress =
  | { readonly is: 'waiting' }
  | { readonly is: 'comparing' }
  | { readonly is: 'asked'; readonly until: UnixMillis }
  | { readonly is: 'settling'; readonly until: UnixMillis; readonly askedAt: number };

const WAITING: Progress = { is: 'waiting' };

/**
 * Ends leases on time, and not before everything is known that could have saved them: what was on disk when the deadline
 * passed has been seen and read. While it cannot be seen, no lease ends.
 */
export class LeaseDeadlines {
  readonly #time: LeaseTime;
  #progress: Progress = WAITING;
  /** Changes may have been missed: the disk is compared before the next lease ends. */
  #doubtsHints = true;
  /** The disk, which could not be compared, is not compared again before. */
  #compareAgainAt = -Infinity;
  #cancelNap: (() => void) | undefined;
  #isStopped = false;

  constructor(private readonly services: LeaseDeadlineServices) {
    this.#time = new LeaseTime(services.clock);
  }

  start(): void {
    this.#doubtsHints = !this.services.hintsAreComplete();
    this.sleep();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelNap?.();
  }

  /** Hints may have been lost. */
  doubtHints(): void {
    this.#doubtsHints = true;
  }

  /** To be called when all that has been hinted at has been read. */
  end(): readonly StoreEvent[] {
    const { store, clock, schedule, knowsAll } = this.services;
    const progress = this.#progress;
    switch (progress.is) {
      case 'waiting': {
        const now = this.#time.now();
        const due = store.leases.nextDeadline();
        if (due === undefined || due > now) return [];
        // So late only after a pause, after a step of the clock that has been believed, or when nothing could be seen.
        if (now - due > PAUSE_MS && !this.#doubtsHints) this.#pauseNoticed();
        if (this.#doubtsHints) {
          // What a comparison hints at is read in a turn, which must not be what begins the next one.
          if (clock.elapsed() >= this.#compareAgainAt) void this.#compare(now);
        } else if (LEASE_KINDS.every(knowsAll)) {
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
    this.#cancelNap?.();
    const { clock, schedule } = this.services;
    const napMs = this.#napMs();
    const wakeAt = clock.elapsed() + napMs;
    this.#cancelNap = clock.after(napMs, () => {
      if (clock.elapsed() - wakeAt > PAUSE_MS) this.#pauseNoticed();
      // The turn comes after the loop has looked for hints once more.
      schedule();
    });
  }

  #decide(until: UnixMillis, askedAt: number): readonly StoreEvent[] {
    const { store, clock, settleMs, isSettling, hintsAreComplete } = this.services;
    const isPatient = clock.elapsed() - askedAt < settleMs;
    if (LEASE_KINDS.some((kind) => isSettling(kind, askedAt, isPatient))) {
      this.#progress = { is: 'settling', until, askedAt };
      return [];
    }
    this.#progress = WAITING;
    this.#doubtsHints ||= !hintsAreComplete();
    return store.expireUntil(until);
  }

  /** Compares what can end or save a lease with the disk; what was due before ends in a turn after it. */
  async #compare(until: UnixMillis): Promise<void> {
    this.#progress = { is: 'comparing' };
    this.#doubtsHints = false;
    const seen = await Promise.all(LEASE_KINDS.map((kind) => this.services.rescan(kind)));
    if (this.#isStopped) return;
    if (seen.every(Boolean)) {
      this.#progress = { is: 'asked', until };
      this.services.schedule();
    } else {
      this.#progress = WAITING;
      this.#doubtsHints = true;
      this.#compareAgainAt = this.services.clock.elapsed() + RETRY_MS;
      this.sleep();
    }
  }

  #napMs(): number {
    const progress = this.#progress;
    const { store, clock, settleMs } = this.services;
    if (progress.is === 'settling') return Math.max(0, progress.askedAt + settleMs - clock.elapsed());
    if (progress.is !== 'waiting') return MAX_NAP_MS;
    const next = store.leases.nextDeadline() ?? Infinity;
    const untilNextMs = next - this.#time.now();
    // One that has passed and was not ended waits until something can be seen.
    return Math.min(untilNextMs > 0 ? untilNextMs : RETRY_MS, this.#time.doubtEndsInMs, MAX_NAP_MS);
  }

  #pauseNoticed(): void {
    this.#doubtsHints = true;
    this.services.reconcileSoon('the process was paused');
  }
}
