import {
  matchable,
  packMessage,
  type Kind,
  type Matchable,
  type Problem,
  type RecordData,
  type Revision,
  type UnixMillis,
} from '../../protocol/index.js';
import type { Signature } from './change.js';

/**
 * One state of a record, never changed once made: snapshots, history and replay share it. The data is packed once, and
 * every event that carries this state splices in the same bytes.
 */
export class RecordVersion {
  readonly matchable: Matchable;
  #packed: Uint8Array | undefined;
  #json: string | undefined;

  constructor(
    readonly kind: Kind,
    readonly id: string,
    readonly data: RecordData,
    readonly revision: Revision,
    readonly observedAt: UnixMillis,
    /** `undefined` where the file could not be looked at, so that it is read again at the next occasion. */
    readonly signature: Signature | undefined,
    readonly problem: Problem | undefined,
  ) {
    this.matchable = matchable(kind, id, data);
  }

  /** The data as MessagePack. */
  get packed(): Uint8Array {
    return (this.#packed ??= packMessage(this.data));
  }

  /** The data as JSON. */
  get json(): string {
    return (this.#json ??= JSON.stringify(this.data));
  }
}
