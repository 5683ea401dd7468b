import TinyQueue from 'tinyqueue';
import type { UnixMillis } from '../brand.js';
import type { Problem } from './problem.js';
import type { Kind } from './kinds.js';
import type { RecordData } from './record.js';
import { leaseStateAt, LeaseTable, type LeaseState, type LeaseTerm } from '../swarm/leases.js';

/** A lease as the server stands to it. Never changed once made. */
export interface BookedLease {
  readonly term: LeaseTerm;
  /**
   * Whether it waits for its end: its expiry lies in the future, or has passed and everything that may have prolonged it has not
   * been looked at yet.
   */
  readonly isRunning: boolean;
}

/** What a record has done to a lease. */
export interface LeaseChange {
  readonly lease: BookedLease;
  /** It had ended, and holds again. */
  readonly isRevived: boolean;
}

interface Deadline {
  readonly at: UnixMillis;
  readonly reservation: string;
}

const NO_CHANGES: readonly LeaseChange[] = [];

/**
 * When leases end: the deadlines of the leases in a {@link LeaseTable}, which alone says what decides them. Pure: it is told of
 * records and of the time, and says who has expired.
 */
export class LeaseBook {
  readonly #table = new LeaseTable({}, 'terms');
  readonly #leases = new Map<string, BookedLease>();
  #deadlines = emptyQueue();

  /** Whether records of this kind begin, prolong or end leases. */
  heeds(kind: Kind): boolean {
    return kind === 'reservation' || kind === 'heartbeat' || kind === 'release';
  }

  /**
   * A record stands with this data now, which is the last that was good where there is a problem with its file.
   * @returns the leases that it may have changed: its own, or those of the reservations that it names or named.
   */
  put(kind: Kind, id: string, data: RecordData, now: UnixMillis, problem?: Problem): readonly LeaseChange[] {
    if (kind === 'reservation') {
      this.#table.put({ kind, id, data, problem });
      return [this.#refresh(id, now)];
    }
    if (kind !== 'heartbeat' && kind !== 'release') return NO_CHANGES;
    const before = this.#table.nameIn(kind, id);
    this.#table.put({ kind, id, data, problem });
    const named = this.#table.nameIn(kind, id);
    const changes = this.#refreshNamed(named, now);
    // It has turned to another reservation, or to none: the one it leaves may end earlier now.
    return before === named ? changes : [...changes, ...this.#refreshNamed(before, now)];
  }

  /** A record is gone. @returns the leases that this may have changed, of those that stand. */
  drop(kind: Kind, id: string, now: UnixMillis): readonly LeaseChange[] {
    if (kind === 'reservation') {
      this.#table.drop(kind, id);
      this.#leases.delete(id);
      return NO_CHANGES;
    }
    if (kind !== 'heartbeat' && kind !== 'release') return NO_CHANGES;
    const named = this.#table.nameIn(kind, id);
    this.#table.drop(kind, id);
    return this.#refreshNamed(named, now);
  }

  /** The ids of the heartbeats that are there and cannot be read. */
  get unreadableHeartbeats(): Iterable<string> {
    return this.#table.unreadableBeats;
  }

  /** Ends every lease whose effective expiry is not after `now`; the ids, in order of expiry and then of id. */
  expireUntil(now: UnixMillis): string[] {
    const expired: string[] = [];
    if (this.#table.anyMayBeProlonged) return expired;
    for (let next = this.#deadlines.peek(); next !== undefined && next.at <= now; next = this.#deadlines.peek()) {
      this.#deadlines.pop();
      // A deadline that has been moved, either way: its lease has another entry.
      if (!this.#isDue(next)) continue;
      this.lapse(next.reservation);
      expired.push(next.reservation);
    }
    return expired;
  }

  /** A lease has run out, and whoever wanted to know has been told. */
  lapse(reservation: string): void {
    const lease = this.#leases.get(reservation);
    if (lease?.isRunning) this.#leases.set(reservation, { term: lease.term, isRunning: false });
  }

  /** When the next lease ends. */
  nextDeadline(): UnixMillis | undefined {
    if (this.#table.anyMayBeProlonged) return undefined;
    for (let next = this.#deadlines.peek(); next !== undefined; next = this.#deadlines.peek()) {
      if (this.#isDue(next)) return next.at;
      this.#deadlines.pop();
    }
    return undefined;
  }

  get(reservation: string): BookedLease | undefined {
    return this.#leases.get(reservation);
  }

  /** Whether its time has run out, and neither a release nor a problem says anything else of it. */
  hasLapsed(reservation: string): boolean {
    const lease = this.#leases.get(reservation);
    return lease?.term.basis === 'timed' && !lease.isRunning;
  }

  /** `unknown` also where its end has passed and it has not been told to end. */
  stateAt({ term, isRunning }: BookedLease, now: UnixMillis): LeaseState {
    return leaseStateAt(term, now, !isRunning && !this.#table.anyMayBeProlonged);
  }

  /** `undefined` where no such reservation stands. */
  state(reservation: string, now: UnixMillis): LeaseState | undefined {
    const lease = this.#leases.get(reservation);
    return lease && this.stateAt(lease, now);
  }

  /** `undefined` where it is not known or says no time. */
  effectiveExpiry(reservation: string): UnixMillis | undefined {
    return this.#leases.get(reservation)?.term.effectiveExpiry;
  }

  #refreshNamed(name: string | undefined, now: UnixMillis): readonly LeaseChange[] {
    if (name === undefined) return NO_CHANGES;
    const changes: LeaseChange[] = [];
    for (const id of this.#table.named(name)) changes.push(this.#refresh(id, now));
    return changes;
  }

  #refresh(id: string, now: UnixMillis): LeaseChange {
    const before = this.#leases.get(id);
    const term = this.#table.term(id)!;
    const { basis, effectiveExpiry } = term;
    const mayRun = (basis === 'timed' || basis === 'unreadable') && effectiveExpiry !== undefined;
    // One whose end has come to lie in the past runs until expireUntil says that it has ended, as an event.
    const isRunning = mayRun && (effectiveExpiry > now || before?.isRunning === true);
    const lease = { term, isRunning };
    this.#leases.set(id, lease);
    if (isRunning) this.#watchFor(id, effectiveExpiry);
    const hadEnded = before?.term.basis === 'timed' || before?.term.basis === 'released';
    return { lease, isRevived: isRunning && hadEnded && !before.isRunning };
  }

  #isDue({ reservation, at }: Deadline): boolean {
    const lease = this.#leases.get(reservation);
    if (!lease?.isRunning) return false;
    const { basis, effectiveExpiry, mayBeProlonged } = lease.term;
    return basis === 'timed' && effectiveExpiry === at && !mayBeProlonged;
  }

  /** Deadlines that were moved stay in the queue and are passed over; a queue mostly of those is made anew. */
  #watchFor(reservation: string, at: UnixMillis): void {
    this.#deadlines.push({ at, reservation });
    if (this.#deadlines.length <= 2 * this.#leases.size + 64) return;
    this.#deadlines = emptyQueue();
    for (const [id, { term, isRunning }] of this.#leases)
      if (isRunning) this.#deadlines.push({ at: term.effectiveExpiry!, reservation: id });
  }
}

const emptyQueue = () => new TinyQueue<Deadline>([], (a, b) => a.at - b.at || (a.reservation < b.reservation ? -1 : 1));
