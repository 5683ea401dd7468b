import TinyQueue from 'tinyqueue';
import type { UnixMillis } from './brand.js';
import { isOfContent, isUnknown, type Problem } from './event.js';
import type { Kind } from './kinds.js';
import type { RecordData } from './record.js';
import { leaseNameOf } from './swarm/lease-facts.js';
import { parseTimestamp } from './timestamp.js';

/**
 * `active`: expires in the future. `lapsed`: has expired. `released`: a release names it. `none`: the record was read and
 * is no lease: it says no time that can be read, or is no valid record. `unknown`: the reservation, or a heartbeat that may
 * prolong it, is there and cannot be read: it is held until that can be read or is gone.
 */
export type LeaseState = 'active' | 'lapsed' | 'released' | 'none' | 'unknown';

interface Lease {
  readonly reservation: string;
  /** What heartbeats and releases call it. */
  readonly name: string;
  readonly expiresAt: UnixMillis | undefined;
  /** The reservation's file is there and cannot be read: what is known of it may be old. */
  readonly isUnreadable: boolean;
  state: Exclude<LeaseState, 'unknown'>;
}

interface Deadline {
  readonly at: UnixMillis;
  readonly reservation: string;
}

/**
 * When leases end. The effective expiry of a reservation is the later of its own and of every extension by a heartbeat
 * that exists; a release ends it for good. Pure: it is told of records and of the time, and says who has expired.
 */
export class LeaseBook {
  readonly #leases = new Map<string, Lease>();
  readonly #byName = new Map<string, Set<Lease>>();
  /** Extensions by the name of the reservation, then by the heartbeat's id. */
  readonly #extensions = new Map<string, Map<string, UnixMillis>>();
  /** Releases by the name of the reservation: the ids of the release records. */
  readonly #releases = new Map<string, Set<string>>();
  /** What a heartbeat or release of this id said last, to take it back. */
  readonly #namedBy = { heartbeat: new Map<string, string>(), release: new Map<string, string>() };
  /** Heartbeats whose files are there and cannot be read, with the name of the reservation that they were about last. */
  readonly #unreadable = new Map<string, string | undefined>();
  #deadlines = emptyQueue();

  /** Whether records of this kind begin, prolong or end leases. */
  heeds(kind: Kind): boolean {
    return kind === 'reservation' || kind === 'heartbeat' || kind === 'release';
  }

  /** A record stands with this data now, which is the last that was good where there is a problem with its file. */
  put(kind: Kind, id: string, data: RecordData, now: UnixMillis, problem?: Problem): void {
    if (kind === 'reservation') this.#putReservation(id, data, now, problem);
    else if (kind === 'heartbeat' || kind === 'release') {
      const before = this.#forget(kind, id);
      // What was read and is no record says nothing; what cannot be read may still say what it said last.
      if (problem === undefined || isUnknown(problem) || isOfContent(problem)) this.#remember(kind, id, data);
      const named = this.#namedBy[kind].get(id);
      if (kind === 'heartbeat') this.#setUnreadable(id, isUnknown(problem), named ?? before, now);
      this.#refreshNamed(named, now);
      // It has turned to another reservation, or to none: the one it leaves may end earlier now.
      if (before !== named) this.#refreshNamed(before, now);
    }
  }

  /** A record is gone. */
  drop(kind: Kind, id: string, now: UnixMillis): void {
    if (kind === 'reservation') this.#dropReservation(id);
    else if (kind === 'heartbeat' || kind === 'release') {
      const named = this.#forget(kind, id);
      if (kind === 'heartbeat') this.#setUnreadable(id, false, named, now);
      this.#refreshNamed(named, now);
    }
  }

  /** The ids of the heartbeats that are there and cannot be read. */
  get unreadableHeartbeats(): Iterable<string> {
    return this.#unreadable.keys();
  }

  /** Ends every active lease whose effective expiry is not after `now`; the ids, in order of expiry and then of id. */
  expireUntil(now: UnixMillis): string[] {
    const expired: string[] = [];
    if (this.#anyMayBeProlonged) return expired;
    for (let next = this.#deadlines.peek(); next !== undefined && next.at <= now; next = this.#deadlines.peek()) {
      this.#deadlines.pop();
      const lease = this.#leases.get(next.reservation);
      // A deadline that has been moved, either way: its lease has another entry.
      if (lease?.state !== 'active' || this.#isUnknown(lease) || this.#effective(lease) !== next.at) continue;
      lease.state = 'lapsed';
      expired.push(lease.reservation);
    }
    return expired;
  }

  /** An active lease has run out, and whoever wanted to know has been told. */
  lapse(reservation: string): void {
    const lease = this.#leases.get(reservation);
    if (lease?.state === 'active') lease.state = 'lapsed';
  }

  /** When the next active lease ends. */
  nextDeadline(): UnixMillis | undefined {
    if (this.#anyMayBeProlonged) return undefined;
    for (let next = this.#deadlines.peek(); next !== undefined; next = this.#deadlines.peek()) {
      const lease = this.#leases.get(next.reservation);
      if (lease?.state === 'active' && !this.#isUnknown(lease) && this.#effective(lease) === next.at) return next.at;
      this.#deadlines.pop();
    }
    return undefined;
  }

  state(reservation: string): LeaseState | undefined {
    const lease = this.#leases.get(reservation);
    return lease && lease.state !== 'released' && this.#isUnknown(lease) ? 'unknown' : lease?.state;
  }

  /** The effective expiry; `undefined` where the reservation is unknown or says no time. */
  effectiveExpiry(reservation: string): UnixMillis | undefined {
    const lease = this.#leases.get(reservation);
    return lease && this.#effective(lease);
  }

  #putReservation(id: string, data: RecordData, now: UnixMillis, problem: Problem | undefined): void {
    const state = this.#leases.get(id)?.state ?? 'none';
    this.#dropReservation(id);
    const isUnreadable = isUnknown(problem);
    // What was read and is no record holds nothing, though its last good data is shown.
    const expiresAt = problem === undefined || isUnreadable ? parseTimestamp(data['expires_at']) : undefined;
    const lease: Lease = {
      reservation: id,
      name: leaseNameOf('reservation', id, data)!,
      expiresAt,
      isUnreadable,
      state,
    };
    this.#leases.set(id, lease);
    addTo(this.#byName, lease.name, lease);
    this.#refresh(lease, now);
  }

  #dropReservation(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#leases.delete(id);
    removeFrom(this.#byName, lease.name, lease);
  }

  #remember(kind: 'heartbeat' | 'release', id: string, data: RecordData): void {
    const name = leaseNameOf(kind, id, data);
    if (name === undefined) return;
    if (kind === 'release') {
      addTo(this.#releases, name, id);
    } else {
      const until = parseTimestamp(data['extended_expires_at']);
      if (until === undefined) return;
      const extensions = this.#extensions.get(name) ?? new Map<string, UnixMillis>();
      extensions.set(id, until);
      this.#extensions.set(name, extensions);
    }
    this.#namedBy[kind].set(id, name);
  }

  /** @returns the name of the reservation that the record was about. */
  #forget(kind: 'heartbeat' | 'release', id: string): string | undefined {
    const name = this.#namedBy[kind].get(id);
    if (name === undefined) return undefined;
    this.#namedBy[kind].delete(id);
    if (kind === 'release') {
      removeFrom(this.#releases, name, id);
    } else {
      const extensions = this.#extensions.get(name);
      extensions?.delete(id);
      if (extensions?.size === 0) this.#extensions.delete(name);
    }
    return name;
  }

  #refreshNamed(name: string | undefined, now: UnixMillis): void {
    if (name === undefined) return;
    for (const lease of this.#byName.get(name) ?? []) this.#refresh(lease, now);
  }

  #refresh(lease: Lease, now: UnixMillis): void {
    const effective = this.#effective(lease);
    if (this.#releases.has(lease.name)) lease.state = 'released';
    else if (effective === undefined) lease.state = 'none';
    else if (effective > now) lease.state = 'active';
    else if (lease.state !== 'active') lease.state = 'lapsed';
    // An active lease whose end has come to lie in the past stays active until expireUntil says so, as an event.
    if (lease.state === 'active') this.#watchFor(lease.reservation, effective!);
  }

  /** A heartbeat that was never read may be about any of them. */
  get #anyMayBeProlonged(): boolean {
    for (const named of this.#unreadable.values()) if (named === undefined) return true;
    return false;
  }

  #isUnknown({ isUnreadable, name }: Lease): boolean {
    if (isUnreadable) return true;
    for (const named of this.#unreadable.values()) if (named === name) return true;
    return false;
  }

  #setUnreadable(id: string, is: boolean, named: string | undefined, now: UnixMillis): void {
    if (!is && !this.#unreadable.has(id)) return;
    const before = this.#unreadable.get(id);
    if (is) this.#unreadable.set(id, named);
    else this.#unreadable.delete(id);
    this.#refreshNamed(before, now);
  }

  #effective(lease: Lease): UnixMillis | undefined {
    if (lease.expiresAt === undefined) return undefined;
    let latest = lease.expiresAt;
    for (const until of this.#extensions.get(lease.name)?.values() ?? []) if (until > latest) latest = until;
    return latest;
  }

  /** Deadlines that were moved stay in the queue and are passed over; a queue mostly of those is made anew. */
  #watchFor(reservation: string, at: UnixMillis): void {
    this.#deadlines.push({ at, reservation });
    if (this.#deadlines.length <= 2 * this.#leases.size + 64) return;
    this.#deadlines = emptyQueue();
    for (const lease of this.#leases.values()) {
      if (lease.state !== 'active') continue;
      this.#deadlines.push({ at: this.#effective(lease)!, reservation: lease.reservation });
    }
  }
}

const emptyQueue = () => new TinyQueue<Deadline>([], (a, b) => a.at - b.at || (a.reservation < b.reservation ? -1 : 1));

function addTo<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

function removeFrom<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
