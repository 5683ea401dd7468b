import {
  matchable,
  packMessage,
  sameFollowed,
  unpackMessage,
  type Followed,
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
    /** What it has from the reservation that it names, for filters alone. */
    readonly followed?: Followed,
  ) {
    this.#data = data;
    if (!data) return;
    this.#matchable = matchable(kind, id, data, followed);
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
    followed?: Followed,
  ): RecordVersion {
    const version = new RecordVersion(kind, id, undefined, revision, observedAt, signature, problem, followed);
    version.#packed = packed;
    return version;
  }

  /** The same record once the reservation that it names says something else. */
  following(followed: Followed | undefined, at: Revision): RecordVersion {
    const { kind, id, packed, observedAt, signature, problem } = this;
    const version = RecordVersion.restored(kind, id, packed, at, observedAt, signature, problem, followed);
    version.#data = this.#data;
    return version;
  }

  /** Whether it is `before` but for what it has from its reservation. */
  differsOnlyInFollowed(before: RecordVersion): boolean {
    return (
      !sameFollowed(before.followed, this.followed) &&
      before.observedAt === this.observedAt &&
      before.problem === this.problem &&
      Buffer.compare(before.packed, this.packed) === 0
    );
  }

  /** The lease that this reservation is. */
  get lease(): BookedLease | undefined {
    return this.#lease;
  }

  /** The same state of the record, whose lease another record has changed. */
  withLease(lease: BookedLease): RecordVersion {
    const { kind, id, revision, observedAt, signature, problem, followed } = this;
    const version = new RecordVersion(kind, id, undefined, revision, observedAt, signature, problem, followed);
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
    return (this.#matchable ??= matchable(this.kind, this.id, this.data, this.followed));
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
