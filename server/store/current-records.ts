import {
  KINDS,
  kindIndex,
  LeaseBook,
  type Kind,
  type LeaseChange,
  type Revision,
  type UnixMillis,
  type WireLease,
} from '../../protocol/index.js';
import type { RecordVersion } from './record-version.js';
import { SortedVersions } from './sorted-versions.js';

/** The records at one revision, in canonical order (by kind, then by id), immutable. */
export interface Cut {
  readonly revision: Revision;
  readonly versions: readonly RecordVersion[];
}

/** The records of one kind. */
interface Shelf {
  readonly byId: Map<string, RecordVersion>;
  readonly sorted: SortedVersions;
}

/**
 * The current records, each reservation with its lease. Delivery, inspection and relay read them here. The origin's
 * `RecordStore` or an edge's `RecordReplica` changes them.
 */
export abstract class CurrentRecords {
  protected readonly book = new LeaseBook();
  readonly #shelves: readonly Shelf[] = KINDS.map(() => ({ byId: new Map(), sorted: new SortedVersions() }));
  readonly #problems = new Set<RecordVersion>();
  #cut: Cut | undefined;

  /** @param last the revision of the last event so far. */
  protected constructor(protected last: Revision) {}

  /** The revision of the last event. */
  get revision(): Revision {
    return this.last;
  }

  get size(): number {
    return this.#shelves.reduce((sum, { byId }) => sum + byId.size, 0);
  }

  get(kind: Kind, id: string): RecordVersion | undefined {
    return this.#shelf(kind).byId.get(id);
  }

  /** Returns the number of records of a kind. */
  count(kind: Kind): number {
    return this.#shelf(kind).byId.size;
  }

  ids(kind: Kind): IterableIterator<string> {
    return this.#shelf(kind).byId.keys();
  }

  /** The records that have a problem, in no order. */
  get problems(): ReadonlySet<RecordVersion> {
    return this.#problems;
  }

  /** Returns all current records. The cut is made once per revision and then shared. */
  cut(): Cut {
    if (this.#cut?.revision !== this.last) {
      this.#cut = { revision: this.last, versions: this.#shelves.flatMap(({ sorted }) => sorted.toArray()) };
    }
    return this.#cut;
  }

  /** Sorts in the records that have changed. A cut would do it too, but here no client waits for it. */
  settle(): void {
    for (const { sorted } of this.#shelves) sorted.settle();
  }

  /** Returns a reservation's lease at a time, as events carry it. @param isNamed for the event of a record that names it. */
  leaseAt({ lease }: RecordVersion, now: UnixMillis, isNamed = false): WireLease | undefined {
    if (!lease) return undefined;
    const { reservation, effectiveExpiry, extendedBy } = lease.term;
    const said = [this.book.stateAt(lease, now), effectiveExpiry ?? null, extendedBy ?? null] as const;
    return isNamed ? [...said, reservation] : said;
  }

  /** Makes a version current, in place of the one before. */
  protected stand(version: RecordVersion): void {
    const { byId, sorted } = this.#shelf(version.kind);
    const known = byId.get(version.id);
    byId.set(version.id, version);
    sorted.put(version);
    if (known) this.#problems.delete(known);
    if (version.problem !== undefined) this.#problems.add(version);
  }

  /** Removes a record. */
  protected forget(kind: Kind, id: string): void {
    const { byId, sorted } = this.#shelf(kind);
    const known = byId.get(id);
    if (known) this.#problems.delete(known);
    byId.delete(id);
    sorted.delete(id);
  }

  /** Replaces a reservation's version by one with its present lease, because a cut contains the leases of its revision. */
  protected showLease(id: string): RecordVersion {
    const shown = this.get('reservation', id)!.withLease(this.book.get(id)!);
    this.stand(shown);
    return shown;
  }

  /** Does the same for changed leases. @returns the current versions of their reservations, ordered by id. */
  protected showAll(changes: readonly LeaseChange[]): RecordVersion[] {
    const shown = changes.map(({ lease }) => this.showLease(lease.term.reservation));
    return shown.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #shelf(kind: Kind): Shelf {
    return this.#shelves[kindIndex(kind)]!;
  }
}
