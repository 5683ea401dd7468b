import type { LeaseState, Revision, UnixMillis } from '../../protocol/index.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { RecordVersion } from '../store/record-version.js';
import { EncodedRun } from './encoded-run.js';
import type { Group } from './group.js';

/** For how long a piece is sent to others, milliseconds. Its events carry the time at which it was encoded. */
const SHARED_MS = 1_000;
/** A bound on the memory of all pieces, bytes. */
const MAX_BYTES = 16_777_216;
const BYTES_PER_REFERENCE = 8;

/**
 * A run of records, encoded once for all subscriptions of a group. It does not belong to a cut: of two cuts, most runs have the same
 * versions, and are the same bytes.
 */
export class SnapshotPiece extends EncodedRun {
  /** When the leases were last found in the states that the events carry. */
  heldAt: { readonly now: UnixMillis; readonly revision: Revision };

  constructor(
    /** The records that were matched, in canonical order. */
    readonly versions: readonly RecordVersion[],
    /** The events of those that match. */
    events: readonly Uint8Array[],
    group: Group,
    /** The states of the leases among the records, as the events carry them. */
    readonly leases: readonly { readonly version: RecordVersion; readonly state: LeaseState }[],
    readonly encodedAt: UnixMillis,
    revision: Revision,
  ) {
    super(events, group.encoding);
    this.heldAt = { now: encodedAt, revision };
  }

  override get bytes(): number {
    return super.bytes + BYTES_PER_REFERENCE * this.versions.length;
  }
}

/** The pieces of snapshots that were encoded within the last second, for the next subscriptions of the same groups. */
export class SnapshotPieces {
  readonly #byGroup = new Map<Group, Map<RecordVersion, SnapshotPiece>>();
  #bytes = 0;
  #newest = 0;

  constructor(private readonly store: CurrentRecords) {}

  /**
   * Returns a piece that is exactly the next records of a cut, as they are now.
   * @param most the greatest number of events that the subscription may be sent.
   */
  find(
    group: Group,
    versions: readonly RecordVersion[],
    next: number,
    most: number,
    now: UnixMillis,
  ): SnapshotPiece | undefined {
    const first = versions[next];
    const piece = first && this.#byGroup.get(group)?.get(first);
    if (!piece || piece.count > most || !isFresh(piece.encodedAt, now)) return undefined;
    return startsWith(versions, next, piece.versions) && this.#holdsLeases(piece, now) ? piece : undefined;
  }

  /** Whether a piece begins with this version. Another piece ends before it, so that the two remain useful. */
  hasBeginning(group: Group, version: RecordVersion): boolean {
    return this.#byGroup.get(group)?.has(version) === true;
  }

  add(group: Group, piece: SnapshotPiece): void {
    const [first] = piece.versions;
    if (first === undefined) return;
    if (this.#bytes + piece.bytes > MAX_BYTES) this.clear();
    let pieces = this.#byGroup.get(group);
    if (!pieces) this.#byGroup.set(group, (pieces = new Map<RecordVersion, SnapshotPiece>()));
    this.#bytes += piece.bytes - (pieces.get(first)?.bytes ?? 0);
    pieces.set(first, piece);
    this.#newest = piece.encodedAt;
  }

  /** Frees the memory if no piece can be used any more. */
  forgetOld(now: UnixMillis): void {
    if (this.#bytes > 0 && !isFresh(this.#newest, now)) this.clear();
  }

  clear(): void {
    this.#byGroup.clear();
    this.#bytes = 0;
  }

  /** The end of a lease makes a new version, but a lease that is suspect becomes so by the time alone. */
  #holdsLeases(piece: SnapshotPiece, now: UnixMillis): boolean {
    const { store } = this;
    if (piece.heldAt.now === now && piece.heldAt.revision === store.revision) return true;
    const holds = piece.leases.every(({ version, state }) => store.leaseAt(version, now)?.[0] === state);
    if (holds) piece.heldAt = { now, revision: store.revision };
    return holds;
  }
}

function startsWith(versions: readonly RecordVersion[], from: number, run: readonly RecordVersion[]): boolean {
  for (let i = 0; i < run.length; i++) if (versions[from + i] !== run[i]) return false;
  return true;
}

/** The wall clock may have been set back since. */
const isFresh = (encodedAt: number, now: number): boolean => now >= encodedAt && now - encodedAt <= SHARED_MS;
