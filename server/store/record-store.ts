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
  type Observed,
  type Problem,
  type Reason,
  type RecordData,
  type Revision,
  type UnixMillis,
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
      this.#byId[kindIndex(kind)]?.set(id, version);
      this.#sorted[kindIndex(kind)]?.put(version);
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
    this.#revision = last;
  }

  /** Takes in the records of another store as they stand there, into an empty store; when leases end, the other says. */
  follow(versions: readonly RecordVersion[], last: Revision): void {
    for (const version of versions) this.#stand(undefined, version);
    this.#revision = last;
  }

  /** Takes in what has happened in the other store, the next revision there. */
  followEvent({ before, after, record: { kind, id }, revision: next }: StoreEvent): void {
    const known = this.get(kind, id);
    if (after === undefined) {
      this.#byId[kindIndex(kind)]?.delete(id);
      this.#sorted[kindIndex(kind)]?.delete(id);
      if (known) this.#problems.delete(known);
    } else if (after !== before) this.#stand(known, after);
    this.#revision = next;
  }

  #stand(known: RecordVersion | undefined, version: RecordVersion): void {
    this.#byId[kindIndex(version.kind)]?.set(version.id, version);
    this.#sorted[kindIndex(version.kind)]?.put(version);
    if (known) this.#problems.delete(known);
    if (version.problem !== undefined) this.#problems.add(version);
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
        return before ? [this.#remove(before, now, observed)] : NO_EVENTS;
    }
  }

  /** Ends the leases that have run out, each with an event that carries its reservation. */
  expireUntil(now: UnixMillis, observed: Observed = 'live'): readonly StoreEvent[] {
    const expired = this.leases.expireUntil(now);
    return expired.map((id) => {
      const version = this.get('reservation', id);
      return this.#event('expired', now, version, version, 'ttl', observed);
    });
  }

  #put(
    before: RecordVersion | undefined,
    { kind, id, signature }: { readonly kind: Kind; readonly id: string; readonly signature: Signature | undefined },
    data: RecordData,
    problem: Problem | undefined,
    now: UnixMillis,
    observed: Observed,
  ): StoreEvent[] {
    const followed = this.#followed.peek(kind, id, data);
    const version = new RecordVersion(kind, id, data, revision(this.#revision + 1), now, signature, problem, followed);
    // First what reads the data, and may fail over it: until then nothing has changed.
    this.leases.put(kind, id, data, now, problem);
    this.#byId[kindIndex(kind)]?.set(id, version);
    if (before) this.#problems.delete(before);
    if (problem !== undefined) this.#problems.add(version);
    this.#sorted[kindIndex(kind)]?.put(version);
    const moved = this.#followed.put(kind, id, data, followed);
    const event = this.#event(before ? 'modified' : 'added', now, before, version, undefined, observed);
    return [event, ...moved.map((follower) => this.#move(follower, now, observed))];
  }

  /** A heartbeat or a release is as it was, and the reservation that it names says something else. */
  #move({ kind, id }: FollowerName, now: UnixMillis, observed: Observed): StoreEvent {
    const before = this.get(kind, id)!;
    const version = before.following(this.#followed.of(kind, id), revision(this.#revision + 1));
    this.#stand(before, version);
    return this.#event('modified', now, before, version, undefined, observed);
  }

  #remove(before: RecordVersion, now: UnixMillis, observed: Observed): StoreEvent {
    const { kind, id } = before;
    this.#problems.delete(before);
    this.#byId[kindIndex(kind)]?.delete(id);
    this.#sorted[kindIndex(kind)]?.delete(id);
    this.leases.drop(kind, id, now);
    this.#followed.drop(kind, id);
    return this.#event('removed', now, before, undefined, 'deleted', observed);
  }

  #event(
    type: ChangeType,
    now: UnixMillis,
    before: RecordVersion | undefined,
    after: RecordVersion | undefined,
    reason: Reason | undefined,
    observed: Observed,
  ): StoreEvent {
    this.#revision = revision(this.#revision + 1);
    return new StoreEvent(this.#revision, type, now, before, after, reason, observed);
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
