import {
  FollowedFields,
  KINDS,
  kindIndex,
  isOfContent,
  LeaseBook,
  problemOf,
  revision,
  type FollowerName,
  type Kind,
  type LeaseChange,
  type Observed,
  type Problem,
  type Reason,
  type RecordData,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import { sameSignature, type Change, type Signature } from './change.js';
import { RecordVersion } from './record-version.js';
import { SortedVersions } from './sorted-versions.js';
import type { Standing } from './standing.js';
import { StoreEvent, type ChangeType } from './store-event.js';

/** The records at one revision, in canonical order (by kind, then by id), immutable. */
export interface Cut {
  readonly revision: Revision;
  readonly versions: readonly RecordVersion[];
}

const NO_EVENTS: readonly StoreEvent[] = [];

/** The records as last read. Pure: a change and a time in, events out. */
export class RecordStore {
  readonly leases = new LeaseBook();
  readonly #followed = new FollowedFields();
  readonly #byId: readonly Map<string, RecordVersion>[] = KINDS.map(() => new Map<string, RecordVersion>());
  readonly #sorted: readonly SortedVersions[] = KINDS.map(() => new SortedVersions());
  readonly #problems = new Set<RecordVersion>();
  #revision: Revision;
  #cut: Cut | undefined;

  /** @param start the last revision already given to a transition. */
  constructor(start: Revision = revision(0)) {
    this.#revision = start;
  }

  /** The revision of the last transition. */
  get revision(): Revision {
    return this.#revision;
  }

  get size(): number {
    return this.#byId.reduce((sum, versions) => sum + versions.size, 0);
  }

  get(kind: Kind, id: string): RecordVersion | undefined {
    return this.#byId[kindIndex(kind)]?.get(id);
  }

  /** How many records of a kind there are. */
  count(kind: Kind): number {
    return this.#byId[kindIndex(kind)]!.size;
  }

  ids(kind: Kind): IterableIterator<string> {
    return this.#byId[kindIndex(kind)]!.keys();
  }

  /** The records whose files cannot be read as they are, in no order. */
  get problems(): ReadonlySet<RecordVersion> {
    return this.#problems;
  }

  /** All records as they are now. Taken once for a revision, however many ask. */
  cut(): Cut {
    if (this.#cut?.revision !== this.#revision) {
      this.#cut = { revision: this.#revision, versions: this.#sorted.flatMap((versions) => versions.toArray()) };
    }
    return this.#cut;
  }

  /** Puts in order what has changed, which a cut would do as well: now, when nobody waits for it. */
  settle(): void {
    for (const versions of this.#sorted) versions.settle();
  }

  /**
   * Takes in what stood when the journal was last written, into an empty store. Leases are as they were then: which of
   * them had run out follows from the order of what happened.
   * @param last the last revision given to a transition.
   */
  restore(standing: readonly Standing[], last: Revision): void {
    const steps: { readonly at: number; take(): void }[] = [];
    for (const { version, lapsedAt } of standing) {
      const { kind, id, observedAt } = version;
      this.#stand(version);
      this.#followed.put(kind, id, version.data, version.followed);
      if (!this.leases.heeds(kind)) continue;
      steps.push({
        at: version.revision,
        take: () => this.leases.put(kind, id, version.data, observedAt, version.problem),
      });
      if (lapsedAt > 0) steps.push({ at: lapsedAt, take: () => this.leases.lapse(id) });
    }
    steps.sort((a, b) => a.at - b.at);
    for (const { take } of steps) take();
    for (const id of [...this.ids('reservation')]) this.#showLease(id);
    this.#revision = last;
  }

  /** Takes in the records of another store as they stand there now, into an empty store; when leases end, the other says. */
  follow(versions: readonly RecordVersion[], last: Revision, now: UnixMillis): void {
    for (const version of versions) {
      this.#stand(version);
      const { kind, id, data, problem } = version;
      if (this.leases.heeds(kind)) this.#showAll(this.leases.put(kind, id, data, now, problem));
    }
    this.#revision = last;
  }

  /** Takes in what has happened in the other store, the next revision there. */
  followEvent({ type, before, after, record: { kind, id }, revision: next, time }: StoreEvent): void {
    if (after === undefined) {
      this.#forget(kind, id);
      this.#showAll(this.leases.drop(kind, id, time));
    } else if (after !== before) {
      this.#stand(after);
      this.#showAll(this.leases.put(kind, id, after.data, time, after.problem));
    } else if (type === 'expired') {
      this.leases.lapse(id);
      this.#showLease(id);
    }
    this.#revision = next;
  }

  /** What a lease is at a moment, as an event says it. @param named where the event is not the reservation's own. */
  leaseAt({ lease }: RecordVersion, now: UnixMillis, isNamed = false): WireLease | undefined {
    if (!lease) return undefined;
    const { reservation, effectiveExpiry, extendedBy } = lease.term;
    const said = [this.leases.stateAt(lease, now), effectiveExpiry ?? null, extendedBy ?? null] as const;
    return isNamed ? [...said, reservation] : said;
  }

  #stand(version: RecordVersion): void {
    const { kind, id } = version;
    const known = this.get(kind, id);
    this.#byId[kindIndex(kind)]?.set(id, version);
    this.#sorted[kindIndex(kind)]?.put(version);
    if (known) this.#problems.delete(known);
    if (version.problem !== undefined) this.#problems.add(version);
  }

  #forget(kind: Kind, id: string): void {
    const known = this.get(kind, id);
    if (known) this.#problems.delete(known);
    this.#byId[kindIndex(kind)]?.delete(id);
    this.#sorted[kindIndex(kind)]?.delete(id);
  }

  /** The cut shows each reservation with the lease that it is at that revision: the version is replaced by one that says so. */
  #showLease(id: string): RecordVersion | undefined {
    const version = this.get('reservation', id);
    const lease = this.leases.get(id);
    if (!version || !lease) return version;
    const shown = version.withLease(lease);
    this.#stand(shown);
    return shown;
  }

  /** @returns the reservations as they stand with the leases that were changed, the first by id first. */
  #showAll(changes: readonly LeaseChange[]): RecordVersion[] {
    const shown = changes.map(({ lease }) => this.#showLease(lease.term.reservation)).filter((is) => is !== undefined);
    return shown.length < 2 ? shown : shown.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * Takes in what a reading says. No event where nothing has changed.
   * @param observed `restart` for what happened while the server was away.
   */
  apply(change: Change, now: UnixMillis, observed: Observed = 'live'): readonly StoreEvent[] {
    const before = this.get(change.kind, change.id);
    switch (change.is) {
      case 'present':
        if (before && !differs(before, change)) return NO_EVENTS;
        return this.#put(before, change, change.data, problemOf(change.kind, change.id, change.data), now, observed);
      case 'broken':
        if (before?.problem === change.problem) return NO_EVENTS;
        // The last good data stands; what was never readable is announced without any.
        return this.#put(before, change, before?.data ?? {}, change.problem, now, observed);
      case 'absent':
        return before ? this.#remove(before, now, observed) : NO_EVENTS;
    }
  }

  /** Ends the leases that have run out, each with an event that carries its reservation. */
  expireUntil(now: UnixMillis, observed: Observed = 'live'): readonly StoreEvent[] {
    const expired = this.leases.expireUntil(now);
    return expired.map((id) => {
      const version = this.#showLease(id)!;
      return this.#event('expired', now, version, version, 'ttl', observed, this.leaseAt(version, now));
    });
  }

  #put(
    before: RecordVersion | undefined,
    { kind, id, signature }: { readonly kind: Kind; readonly id: string; readonly signature: Signature | undefined },
    data: RecordData,
    problem: Problem | undefined,
    now: UnixMillis,
    observed: Observed,
  ): readonly StoreEvent[] {
    const followed = this.#followed.peek(kind, id, data);
    const version = new RecordVersion(kind, id, data, revision(this.#revision + 1), now, signature, problem, followed);
    // First what reads the data, and may fail over it: until then nothing has changed.
    const changes = this.leases.put(kind, id, data, now, problem);
    this.#stand(version);
    const moved = this.#followed.put(kind, id, data, followed);
    const type = before ? 'modified' : 'added';
    if (kind !== 'reservation') return this.#told(type, now, before, version, undefined, observed, changes);
    const shown = this.#showAll(changes)[0]!;
    const event = this.#event(type, now, before, shown, undefined, observed, this.leaseAt(shown, now));
    return [event, ...moved.map((follower) => this.#move(follower, shown, now, observed))];
  }

  /** A heartbeat or a release is as it was, and the reservation that it names says something else. */
  #move({ kind, id }: FollowerName, named: RecordVersion, now: UnixMillis, observed: Observed): StoreEvent {
    const before = this.get(kind, id)!;
    const version = before.following(this.#followed.of(kind, id), revision(this.#revision + 1));
    this.#stand(version);
    return this.#event('modified', now, before, version, undefined, observed, this.leaseAt(named, now, true));
  }

  #remove(before: RecordVersion, now: UnixMillis, observed: Observed): readonly StoreEvent[] {
    const { kind, id } = before;
    this.#forget(kind, id);
    this.#followed.drop(kind, id);
    return this.#told('removed', now, before, undefined, 'deleted', observed, this.leases.drop(kind, id, now));
  }

  /** What has happened to a record, and then to the leases that had ended and hold again because of it. */
  #told(
    type: ChangeType,
    now: UnixMillis,
    before: RecordVersion | undefined,
    after: RecordVersion | undefined,
    reason: Reason | undefined,
    observed: Observed,
    changes: readonly LeaseChange[],
  ): readonly StoreEvent[] {
    const shown = this.#showAll(changes);
    const [first] = shown;
    const event = this.#event(type, now, before, after, reason, observed, first && this.leaseAt(first, now, true));
    if (!changes.some(({ isRevived }) => isRevived)) return [event];
    const revived = new Set(changes.filter(({ isRevived }) => isRevived).map(({ lease }) => lease.term.reservation));
    const again = shown
      .filter(({ id }) => revived.has(id))
      .map((version) => this.#event('revived', now, version, version, undefined, observed, this.leaseAt(version, now)));
    return [event, ...again];
  }

  #event(
    type: ChangeType,
    now: UnixMillis,
    before: RecordVersion | undefined,
    after: RecordVersion | undefined,
    reason: Reason | undefined,
    observed: Observed,
    lease: WireLease | undefined,
  ): StoreEvent {
    this.#revision = revision(this.#revision + 1);
    return new StoreEvent(this.#revision, type, now, before, after, reason, observed, lease);
  }
}

/**
 * A file that was touched counts as modified, as it does for whoever polls times and sizes. One that was rewritten within
 * the clock's grain looks the same and is told by its content.
 */
function differs(before: RecordVersion, { signature, data }: Extract<Change, { is: 'present' }>): boolean {
  if (before.problem !== undefined && !isOfContent(before.problem)) return true;
  return !sameSignature(before.signature, signature) || JSON.stringify(data) !== before.json;
}
