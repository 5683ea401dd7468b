import {
  FollowedFields,
  isOfContent,
  problemOf,
  revision,
  type FollowerName,
  type Kind,
  type LeaseBook,
  type LeaseChange,
  type Observed,
  type Problem,
  type Reason,
  type RecordData,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import type { Change, Signature } from './change.js';
import { CurrentRecords } from './current-records.js';
import { RecordVersion } from './record-version.js';
import type { Standing } from './standing.js';
import { StoreEvent, type ChangeType } from './store-event.js';

/** The part of the lease book that others may read. Only the store changes leases. */
export type LeaseView = Pick<
  LeaseBook,
  'effectiveExpiry' | 'hasLapsed' | 'nextDeadline' | 'state' | 'unreadableHeartbeats'
>;

const NO_EVENTS: readonly StoreEvent[] = [];

/** The origin's records, as last read. Pure: a change and a time in, events out. */
export class RecordStore extends CurrentRecords {
  readonly #followed = new FollowedFields();

  /** @param start the revision of the last event so far. */
  constructor(start: Revision = revision(0)) {
    super(start);
  }

  /** The leases: when they end, and which have ended. */
  get leases(): LeaseView {
    return this.book;
  }

  /**
   * Loads the records of the journal into an empty store. Records and expiries are applied in the order of their revisions,
   * so that the same leases have run out as when the journal was last written.
   * @param last the revision of the last event.
   */
  restore(standing: readonly Standing[], last: Revision): void {
    const steps: { readonly at: number; take(): void }[] = [];
    for (const { version, lapsedAt } of standing) {
      const { kind, id, observedAt } = version;
      this.stand(version);
      this.#followed.put(kind, id, version.data, version.followed);
      if (!this.book.affectsLeases(kind)) continue;
      steps.push({
        at: version.revision,
        take: () => this.book.put(kind, id, version.data, observedAt, version.problem),
      });
      if (lapsedAt > 0) steps.push({ at: lapsedAt, take: () => this.book.lapse(id) });
    }
    steps.sort((a, b) => a.at - b.at);
    for (const { take } of steps) take();
    for (const id of [...this.ids('reservation')]) this.showLease(id);
    this.last = last;
  }

  /**
   * Applies a change. Returns no event if nothing differs.
   * @param observed `restart` for a change that happened while the server did not run.
   */
  apply(change: Change, now: UnixMillis, observed: Observed = 'live'): readonly StoreEvent[] {
    const before = this.get(change.kind, change.id);
    switch (change.is) {
      case 'present':
        if (before && !differs(before, change)) {
          // Else each comparison would have the file read again.
          if (before.signature?.changedNs !== change.signature.changedNs || before.signature === undefined)
            this.stand(before.foundAs(change.signature));
          return NO_EVENTS;
        }
        return this.#put(before, change, change.data, problemOf(change.kind, change.id, change.data), now, observed);
      case 'broken':
        if (before?.problem === change.problem) return NO_EVENTS;
        // The last good data stays current. A record that was never readable is published with empty data.
        return this.#put(before, change, before?.data ?? {}, change.problem, now, observed);
      case 'absent':
        return before ? this.#remove(before, now, observed) : NO_EVENTS;
    }
  }

  /** Makes the event of a file that was only touched, for a record that has not changed: edges have received too little of it. */
  republish(kind: Kind, id: string, now: UnixMillis): readonly StoreEvent[] {
    const before = this.get(kind, id);
    return before ? this.#put(before, before, before.data, before.problem, now, 'live') : NO_EVENTS;
  }

  /** Ends the leases that have run out. Returns an event for each, which carries its reservation. */
  expireUntil(now: UnixMillis, observed: Observed = 'live'): readonly StoreEvent[] {
    const expired = this.book.expireUntil(now);
    return expired.map((id) => {
      const version = this.showLease(id);
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
    const version = new RecordVersion(kind, id, data, revision(this.last + 1), now, signature, problem, followed);
    // First the step that reads the data and may throw: until it returns, nothing has changed.
    const changes = this.book.put(kind, id, data, now, problem);
    this.stand(version);
    const moved = this.#followed.put(kind, id, data, followed);
    const type = before ? 'modified' : 'added';
    if (kind !== 'reservation') return this.#eventsOf(type, now, before, version, undefined, observed, changes);
    const shown = this.showAll(changes)[0]!;
    const event = this.#event(type, now, before, shown, undefined, observed, this.leaseAt(shown, now));
    return [event, ...moved.map((follower) => this.#move(follower, shown, now, observed))];
  }

  /** Makes the event of a heartbeat or release whose reservation has changed, though it has not. */
  #move({ kind, id }: FollowerName, named: RecordVersion, now: UnixMillis, observed: Observed): StoreEvent {
    const before = this.get(kind, id)!;
    const version = before.following(this.#followed.of(kind, id), revision(this.last + 1));
    this.stand(version);
    return this.#event('modified', now, before, version, undefined, observed, this.leaseAt(named, now, true));
  }

  #remove(before: RecordVersion, now: UnixMillis, observed: Observed): readonly StoreEvent[] {
    const { kind, id } = before;
    this.forget(kind, id);
    this.#followed.drop(kind, id);
    return this.#eventsOf('removed', now, before, undefined, 'deleted', observed, this.book.drop(kind, id, now));
  }

  /** Makes the event of a record, and then the events of ended leases that hold again because of it. */
  #eventsOf(
    type: ChangeType,
    now: UnixMillis,
    before: RecordVersion | undefined,
    after: RecordVersion | undefined,
    reason: Reason | undefined,
    observed: Observed,
    changes: readonly LeaseChange[],
  ): readonly StoreEvent[] {
    const shown = this.showAll(changes);
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
    this.last = revision(this.last + 1);
    return new StoreEvent(this.last, type, now, before, after, reason, observed, lease);
  }
}

/**
 * A file that was only touched counts as modified, as it does for a program that polls times and sizes. A file that was
 * rewritten within the clock's grain has the same time and size, so the content is compared too. Another inode alone says nothing: some
 * file systems give a file a new one at each look. Of a version that was found elsewhere only the content is known.
 */
function differs(before: RecordVersion, { signature, data }: Extract<Change, { is: 'present' }>): boolean {
  if (before.problem !== undefined && !isOfContent(before.problem)) return true;
  const known = before.signature;
  const isTouched = known !== undefined && (known.mtimeNs !== signature.mtimeNs || known.size !== signature.size);
  return isTouched || JSON.stringify(data) !== before.json;
}
