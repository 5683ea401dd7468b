import TinyQueue from 'tinyqueue';
import type { UnixMillis } from '../brand.js';
import type { Problem } from './problem.js';
import { LEASE_KINDS, type Kind } from './kinds.js';
import type { RecordData } from './record.js';
import { leaseStateAt, LeaseTable, type LeaseState, type LeaseTerm } from '../swarm/leases.js';

/** A lease in the server's book. Immutable. */
export interface BookedLease {
  readonly term: LeaseTerm;
  /**
   * Whether its end is still to come: its expiry lies in the future, or has passed but some records that may have prolonged it have not
   * been read yet.
   */
  readonly isRunning: boolean;
}

/** The effect of a record on a lease. */
export interface LeaseChange {
  readonly lease: BookedLease;
  /** The lease had ended, and holds again. */
  readonly isRevived: boolean;
}

interface Deadline {
  readonly at: UnixMillis;
  readonly reservation: string;
}

const NO_CHANGES: readonly LeaseChange[] = [];

/**
 * The deadlines of the leases in a {@link LeaseTable}, which alone decides when a lease ends. Pure: its input is records and the time, its
 * output the leases that have expired.
 */
export class LeaseBook {
  readonly #table = new LeaseTable({}, 'terms');
  readonly #leases = new Map<string, BookedLease>();
  #deadlines = emptyQueue();

  /** Whether records of this kind begin, prolong or end leases. */
  affectsLeases(kind: Kind): boolean {
    return LEASE_KINDS.includes(kind);
  }

  /**
   * Puts a record with its current data. If its file has a problem, that is the last good data.
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
    // The record now names another reservation, or none: the lease that it named before may end earlier now.
    return before === named ? changes : [...changes, ...this.#refreshNamed(before, now)];
  }

  /** Drops a removed record. @returns the remaining leases that this may have changed. */
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

  /** The ids of the heartbeats whose files exist but cannot be read. */
  get unreadableHeartbeats(): Iterable<string> {
    return this.#table.unreadableBeats;
  }

  /** Ends every lease whose effective expiry is not after `now`. Returns their ids, in order of expiry and then of id. */
  expireUntil(now: UnixMillis): string[] {
    const expired: string[] = [];
    if (this.#table.anyMayBeProlonged) return expired;
    for (let next = this.#deadlines.peek(); next !== undefined && next.at <= now; next = this.#deadlines.peek()) {
      this.#deadlines.pop();
      // The deadline was moved, earlier or later: its lease has another entry in the queue.
      if (!this.#isDue(next)) continue;
      this.lapse(next.reservation);
      expired.push(next.reservation);
    }
    return expired;
  }

  /** Marks a lease as ended, after its `expired` event was made. */
  lapse(reservation: string): void {
    const lease = this.#leases.get(reservation);
    if (lease?.isRunning) this.#leases.set(reservation, { term: lease.term, isRunning: false });
  }

  /** Returns when the next lease ends; `undefined` if none will, or if a heartbeat that was never read may prolong any of them. */
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

  /** Whether the lease's time has run out, and neither a release nor a problem decides its state. */
  hasLapsed(reservation: string): boolean {
    const lease = this.#leases.get(reservation);
    return lease?.term.basis === 'timed' && !lease.isRunning;
  }

  /** Returns the state of a lease. It is `unknown` also if the lease's end has passed but it was not ended yet. */
  stateAt({ term, isRunning }: BookedLease, now: UnixMillis): LeaseState {
    return leaseStateAt(term, now, !isRunning && !this.#table.anyMayBeProlonged);
  }

  /** Returns the state of a lease; `undefined` if there is no such reservation. */
  state(reservation: string, now: UnixMillis): LeaseState | undefined {
    const lease = this.#leases.get(reservation);
    return lease && this.stateAt(lease, now);
  }

  /** Returns when a lease ends; `undefined` if the reservation is unknown or has no valid time. */
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
    // A lease whose new end lies in the past keeps running until `expireUntil` ends it with an event.
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

  /**
   * Adds a deadline. Deadlines that were moved stay in the queue and are skipped later. The queue is rebuilt when most of it is such
   * entries.
   */
  #watchFor(reservation: string, at: UnixMillis): void {
    this.#deadlines.push({ at, reservation });
    if (this.#deadlines.length <= 2 * this.#leases.size + 64) return;
    this.#deadlines = emptyQueue();
    for (const [id, { term, isRunning }] of this.#leases)
      if (isRunning) this.#deadlines.push({ at: term.effectiveExpiry!, reservation: id });
  }
}

const emptyQueue = () => new TinyQueue<Deadline>([], (a, b) => a.at - b.at || (a.reservation < b.reservation ? -1 : 1));
