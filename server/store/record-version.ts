import {
  matchable,
  packMessage,
  unpackMessage,
  type Kind,
  type Matchable,
  type Problem,
  type BookedLease,
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
  #data: RecordData | undefined;
  #matchable: Matchable | undefined;
  #packed: Uint8Array | undefined;
  #json: string | undefined;
  #lease: BookedLease | undefined;

  constructor(
    readonly kind: Kind,
    readonly id: string,
    data: RecordData | undefined,
    readonly revision: Revision,
    readonly observedAt: UnixMillis,
    /** `undefined` where the file could not be looked at, so that it is read again at the next occasion. */
    readonly signature: Signature | undefined,
    readonly problem: Problem | undefined,
  ) {
    this.#data = data;
    if (!data) return;
    this.#matchable = matchable(kind, id, data);
    // At once: what cannot be packed is found out while the record is being read, not while it is being told.
    this.#packed = packMessage(data);
  }

  /** A version whose data is known as the bytes that {@link packed} gave; unpacked only when somebody looks at it. */
  static restored(
    kind: Kind,
    id: string,
    packed: Uint8Array,
    revision: Revision,
    observedAt: UnixMillis,
    signature: Signature | undefined,
    problem: Problem | undefined,
  ): RecordVersion {
    const version = new RecordVersion(kind, id, undefined, revision, observedAt, signature, problem);
    version.#packed = packed;
    return version;
  }

  /** The lease that this reservation is. */
  get lease(): BookedLease | undefined {
    return this.#lease;
  }

  /** The same state of the record, whose lease another record has changed. */
  withLease(lease: BookedLease): RecordVersion {
    const { kind, id, revision, observedAt, signature, problem } = this;
    const version = new RecordVersion(kind, id, undefined, revision, observedAt, signature, problem);
    version.#data = this.#data;
    version.#matchable = this.#matchable;
    version.#packed = this.#packed;
    version.#json = this.#json;
    version.#lease = lease;
    return version;
  }

  get data(): RecordData {
    return (this.#data ??= unpackMessage(this.#packed!) as RecordData);
  }

  get matchable(): Matchable {
    return (this.#matchable ??= matchable(this.kind, this.id, this.data));
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
