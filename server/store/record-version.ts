import {
  matchable,
  packRecord,
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
 * One immutable version of a record, which snapshots, history and replay share. The data is packed once, and each event that
 * carries this version copies the same bytes.
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
    /** `undefined` if the file's status could not be read, so that the next comparison has the file read again. */
    readonly signature: Signature | undefined,
    readonly problem: Problem | undefined,
    /** The fields that it takes from the reservation that it names; only filters use them. */
    readonly followed?: Followed,
  ) {
    // The data itself is not kept: it takes as much memory again, and most versions are only matched and sent.
    if (!data) return;
    this.#matchable = matchable(kind, id, data, followed);
    // Packed now, so that data that cannot be packed fails while the record is read, and not during delivery.
    this.#packed = packRecord(data);
  }

  /** Returns a version made from the bytes that {@link packed} gave. They are unpacked when the data is first read. */
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

  /** Returns the version of the same data after the reservation that it names has changed. */
  following(followed: Followed | undefined, at: Revision): RecordVersion {
    const { kind, id, packed, observedAt, signature, problem } = this;
    const version = RecordVersion.restored(kind, id, packed, at, observedAt, signature, problem, followed);
    version.#data = this.#data;
    return version;
  }

  /** Whether it differs from `before` only in the fields that it takes from its reservation. */
  differsOnlyInFollowed(before: RecordVersion): boolean {
    return (
      !sameFollowed(before.followed, this.followed) &&
      before.observedAt === this.observedAt &&
      this.hasContentOf(before)
    );
  }

  /** Whether it has the data and the problem of another version. */
  hasContentOf({ problem, packed }: RecordVersion): boolean {
    return problem === this.problem && Buffer.compare(packed, this.packed) === 0;
  }

  /** The lease of this reservation; `undefined` for other kinds. */
  get lease(): BookedLease | undefined {
    return this.#lease;
  }

  /** Returns the same version with another state of its lease. */
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

  /** Returns the same version as its file is found: with another status, or for the first time by one who was told of it elsewhere. */
  foundAs(signature: Signature): RecordVersion {
    const { kind, id, packed, revision, observedAt, problem, followed } = this;
    const version = RecordVersion.restored(kind, id, packed, revision, observedAt, signature, problem, followed);
    version.#data = this.#data;
    version.#matchable = this.#matchable;
    version.#json = this.#json;
    version.#lease = this.#lease;
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
    return this.#packed!;
  }

  /** The data as JSON. */
  get json(): string {
    return (this.#json ??= JSON.stringify(this.data));
  }
}
