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

/**
 * The records as they stand, each reservation with its lease. Whoever delivers, shows or publishes them reads them here; what
 * changes them is the origin's `RecordStore` or an edge's `RecordReplica`.
 */
export abstract class CurrentRecords {
  protected readonly book = new LeaseBook();
  readonly #byId: readonly Map<string, RecordVersion>[] = KINDS.map(() => new Map<string, RecordVersion>());
  readonly #sorted: readonly SortedVersions[] = KINDS.map(() => new SortedVersions());
  readonly #problems = new Set<RecordVersion>();
  #cut: Cut | undefined;

  /** @param last the last revision already given to a transition. */
  protected constructor(protected last: Revision) {}

  /** The revision of the last transition. */
  get revision(): Revision {
    return this.last;
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
    if (this.#cut?.revision !== this.last) {
      this.#cut = { revision: this.last, versions: this.#sorted.flatMap((versions) => versions.toArray()) };
    }
    return this.#cut;
  }

  /** Puts in order what has changed, which a cut would do as well: now, when nobody waits for it. */
  settle(): void {
    for (const versions of this.#sorted) versions.settle();
  }

  /** What a lease is at a moment, as an event says it. @param named where the event is not the reservation's own. */
  leaseAt({ lease }: RecordVersion, now: UnixMillis, isNamed = false): WireLease | undefined {
    if (!lease) return undefined;
    const { reservation, effectiveExpiry, extendedBy } = lease.term;
    const said = [this.book.stateAt(lease, now), effectiveExpiry ?? null, extendedBy ?? null] as const;
    return isNamed ? [...said, reservation] : said;
  }

  /** A version takes the place of the one that stood. */
  protected stand(version: RecordVersion): void {
    const { kind, id } = version;
    const known = this.get(kind, id);
    this.#byId[kindIndex(kind)]?.set(id, version);
    this.#sorted[kindIndex(kind)]?.put(version);
    if (known) this.#problems.delete(known);
    if (version.problem !== undefined) this.#problems.add(version);
  }

  /** A record is gone. */
  protected forget(kind: Kind, id: string): void {
    const known = this.get(kind, id);
    if (known) this.#problems.delete(known);
    this.#byId[kindIndex(kind)]?.delete(id);
    this.#sorted[kindIndex(kind)]?.delete(id);
  }

  /** The cut shows each reservation with the lease that it is at that revision: the version is replaced by one that says so. */
  protected showLease(id: string): RecordVersion | undefined {
    const version = this.get('reservation', id);
    const lease = this.book.get(id);
    if (!version || !lease) return version;
    const shown = version.withLease(lease);
    this.stand(shown);
    return shown;
  }

  /** @returns the reservations as they stand with the leases that were changed, the first by id first. */
  protected showAll(changes: readonly LeaseChange[]): RecordVersion[] {
    const shown = changes.map(({ lease }) => this.showLease(lease.term.reservation)).filter((is) => is !== undefined);
    return shown.length < 2 ? shown : shown.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
