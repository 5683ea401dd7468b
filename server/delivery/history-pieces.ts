import type { Revision } from '../../protocol/index.js';
import { EncodedRun } from './encoded-run.js';
import type { Group } from './group.js';

/** A bound on the memory of all pieces, bytes: the events belong to the history, the frames do not. */
const MAX_BYTES = 4_194_304;

/** A run of past events that was matched and collected once for all subscriptions of a group that continue after the same revision. */
export class HistoryPiece extends EncodedRun {
  constructor(
    readonly group: Group,
    readonly after: Revision,
    /** The revision up to which the events have been matched. */
    readonly matchedTo: Revision,
    events: readonly Uint8Array[],
  ) {
    super(events, group.encoding);
  }
}

/**
 * The pieces of the history that were collected last, for the next subscriptions of the same groups: after a restart of a server or of a
 * network, all clients continue after nearly the same revision. What has happened does not change, so a piece is never outdated.
 */
export class HistoryPieces {
  readonly #byGroup = new Map<Group, Map<Revision, HistoryPiece>>();
  #bytes = 0;
  /** Whether a piece was wanted since {@link forgetIdle} was called last. */
  #isInUse = false;

  find(group: Group, after: Revision): HistoryPiece | undefined {
    this.#isInUse = true;
    return this.#byGroup.get(group)?.get(after);
  }

  /** Keeps a piece in place of one that begins after the same revision. One that begins with the last event holds nothing to share. */
  add(piece: HistoryPiece): void {
    if (piece.matchedTo === piece.after) return;
    if (this.#bytes + piece.bytes > MAX_BYTES) this.clear();
    const { group, after } = piece;
    let pieces = this.#byGroup.get(group);
    if (!pieces) this.#byGroup.set(group, (pieces = new Map<Revision, HistoryPiece>()));
    this.#bytes += piece.bytes - (pieces.get(after)?.bytes ?? 0);
    pieces.set(after, piece);
  }

  /** Frees the memory if nothing was wanted since the last call. */
  forgetIdle(): void {
    if (!this.#isInUse) this.clear();
    this.#isInUse = false;
  }

  clear(): void {
    this.#byGroup.clear();
    this.#bytes = 0;
  }
}
