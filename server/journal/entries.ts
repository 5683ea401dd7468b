import {
  EVENT_TYPES,
  kindIndex,
  KINDS,
  PROBLEMS,
  REASONS,
  revision,
  unixMillis,
  type Followed,
  type Kind,
  type WireLease,
} from '../../protocol/index.js';
import type { Signature } from '../store/change.js';
import { RecordVersion } from '../store/record-version.js';
import type { Standing } from '../store/standing.js';
import { StoreEvent, type ChangeType } from '../store/store-event.js';
import { crc32 } from 'node:zlib';

/** The journal's content is not what was written; the message says where. */
export class DamagedJournalError extends Error {
  override readonly name = 'DamagedJournalError';
}

/** Every value ends with the CRC-32 of the bytes before it, little-endian. */
const CHECK_BYTES = 4;
/** The CRC-32 of any bytes that are followed by their own CRC-32. */
const RESIDUE = 0x2144df1c;

/** The first byte of a key: the type of the entry. */
export const PREFIX = { meta: 0x10, index: 0x20, history: 0x30 } as const;

/** The totals of the table, written with every batch, so that a missing entry is detected. */
export interface Meta {
  readonly epoch: string;
  /** The number of records in the index. */
  readonly records: number;
  /** The history holds every revision after `base` up to `newest`. */
  readonly base: number;
  readonly newest: number;
  /** … except those in these gaps: the revisions after the first number, up to and including the second. Absent if there are none. */
  readonly gaps?: readonly (readonly [after: number, to: number])[];
}

/** Versions by revision, so that one version in the index and in two events becomes one object again. */
export type Known = Map<number, RecordVersion>;

export const META_KEY: Uint8Array = Buffer.of(PREFIX.meta);

export function indexKey(kind: Kind, id: string): Uint8Array {
  const key = Buffer.allocUnsafe(2 + Buffer.byteLength(id));
  key[0] = PREFIX.index;
  key[1] = kindIndex(kind);
  key.write(id, 2);
  return key;
}

/** Returns the key of a revision: big-endian, so that keys are ordered by revision. */
export function historyKey(position: number): Uint8Array {
  const key = Buffer.allocUnsafe(9);
  key[0] = PREFIX.history;
  key.writeUInt32BE(Math.floor(position / 2 ** 32), 1);
  key.writeUInt32BE(position % 2 ** 32, 5);
  return key;
}

/** Returns the revision in a key of {@link historyKey}; -1 if its length is wrong. */
export function positionIn(key: Uint8Array): number {
  const bytes = bufferOf(key);
  return bytes.length === 9 ? bytes.readUInt32BE(1) * 2 ** 32 + bytes.readUInt32BE(5) : -1;
}

export function encodeMeta(meta: Meta): Uint8Array {
  const json = Buffer.from(JSON.stringify(meta));
  return sealed(Buffer.concat([json], json.length + CHECK_BYTES));
}

/** @throws DamagedJournalError */
export function decodeMeta(value: Uint8Array | undefined): Meta {
  if (value === undefined) throw new DamagedJournalError('there is no meta entry');
  const bytes = unsealed(value, 'the meta entry');
  return JSON.parse(bytes.toString('utf8', 0, bytes.length - CHECK_BYTES)) as Meta;
}

export function encodeStanding({ version, lapsedAt }: Standing): Uint8Array {
  const bytes = Buffer.allocUnsafe(8 + versionSize(version) + CHECK_BYTES);
  writeVersion(bytes, bytes.writeDoubleLE(lapsedAt), version);
  return sealed(bytes);
}

/** @throws DamagedJournalError */
export function decodeStanding(value: Uint8Array, known: Known): Standing {
  const bytes = unsealed(value, 'an index entry');
  const { version } = readVersion(bytes, 8, known);
  return { version, lapsedAt: revision(bytes.readDoubleLE()) };
}

const HAS_BEFORE = 1;
const HAS_AFTER = 2;
const IS_SAME = 4;
/** The lease follows the versions, as JSON. */
const HAS_LEASE = 8;
const EVENT_HEAD = 4 + 16;

export function encodeHistoryEntry(event: StoreEvent): Uint8Array {
  const { before, after, reason } = event;
  const lease = event.lease ? Buffer.from(JSON.stringify(event.lease)) : undefined;
  const isSame = before !== undefined && before === after;
  const states = isSame ? IS_SAME : (before ? HAS_BEFORE : 0) | (after ? HAS_AFTER : 0);
  const parts = isSame ? [before] : [before, after].filter((version) => version !== undefined);
  const bytes = Buffer.allocUnsafe(
    parts.reduce((size, version) => size + versionSize(version), EVENT_HEAD + (lease?.length ?? 0) + CHECK_BYTES),
  );
  let at = bytes.writeUInt8(EVENT_TYPES.indexOf(event.type));
  at = bytes.writeUInt8(reason === undefined ? 0 : REASONS.indexOf(reason) + 1, at);
  at = bytes.writeUInt8(event.observed === 'restart' ? 1 : 0, at);
  at = bytes.writeUInt8(states | (lease ? HAS_LEASE : 0), at);
  at = bytes.writeDoubleLE(event.revision, at);
  at = bytes.writeDoubleLE(event.time, at);
  for (const version of parts) at = writeVersion(bytes, at, version);
  if (lease) bytes.set(lease, at);
  return sealed(bytes);
}

/** @throws DamagedJournalError */
export function decodeHistoryEntry(value: Uint8Array, known: Known): StoreEvent {
  const bytes = unsealed(value, 'a history entry');
  const states = bytes.readUInt8(3);
  let at = EVENT_HEAD;
  const next = (): RecordVersion => {
    const read = readVersion(bytes, at, known);
    at = read.end;
    return read.version;
  };
  const before = states & (HAS_BEFORE | IS_SAME) ? next() : undefined;
  const after = states & IS_SAME ? before : states & HAS_AFTER ? next() : undefined;
  const reason = bytes.readUInt8(1);
  const lease = states & HAS_LEASE ? bytes.toString('utf8', at, bytes.length - CHECK_BYTES) : undefined;
  return new StoreEvent(
    revision(bytes.readDoubleLE(4)),
    EVENT_TYPES[bytes.readUInt8()] as ChangeType,
    timeOfHistoryEntry(bytes),
    before,
    after,
    reason === 0 ? undefined : REASONS[reason - 1],
    bytes.readUInt8(2) === 1 ? 'restart' : 'live',
    lease === undefined ? undefined : (JSON.parse(lease) as WireLease),
  );
}

/** Returns the time of an entry's event without decoding the rest. */
export function timeOfHistoryEntry(value: Uint8Array) {
  return unixMillis(bufferOf(value).readDoubleLE(12));
}

/** @throws DamagedJournalError if an entry's checksum does not match. */
export function checkEntry(value: Uint8Array): void {
  unsealed(value, 'an entry');
}

// ── a record's version ──────────────────────────────────────────────────────────────────────────────────────────────

const VERSION_HEAD = 3 + 16 + 2 + 4;
const SIGNATURE_BYTES = 32;
/** The time of change of a record that is of no file. */
const NEVER = 0n;

/** The bytes of the length of a text that may be absent. */
const TEXT_HEAD = 2;
const ABSENT = 0xffff;
const HAS_SIGNATURE = 1;
const HAS_FOLLOWED = 2;

function versionSize({ id, packed, signature, followed }: RecordVersion): number {
  const own = VERSION_HEAD + (signature ? SIGNATURE_BYTES : 0) + Buffer.byteLength(id) + packed.length;
  return followed ? own + textSize(followed.runId) + textSize(followed.branch) : own;
}

// A text that is too long for any filter counts as absent.
const kept = (text: string | undefined): string | undefined =>
  text !== undefined && Buffer.byteLength(text) < ABSENT ? text : undefined;
const textSize = (text: string | undefined): number => TEXT_HEAD + Buffer.byteLength(kept(text) ?? '');

function writeText(bytes: Buffer, at: number, text: string | undefined): number {
  const said = kept(text);
  if (said === undefined) return bytes.writeUInt16LE(ABSENT, at);
  const length = bytes.write(said, at + TEXT_HEAD);
  bytes.writeUInt16LE(length, at);
  return at + TEXT_HEAD + length;
}

function readText(bytes: Buffer, at: number): { readonly text: string | undefined; readonly end: number } {
  const length = bytes.readUInt16LE(at);
  const from = at + TEXT_HEAD;
  if (length === ABSENT) return { text: undefined, end: from };
  return { text: bytes.toString('utf8', from, from + length), end: from + length };
}

/** @returns the offset after the version. */
function writeVersion(bytes: Buffer, start: number, version: RecordVersion): number {
  const { signature, packed, problem, followed } = version;
  let at = bytes.writeUInt8(kindIndex(version.kind), start);
  at = bytes.writeUInt8(problem === undefined ? 0 : PROBLEMS.indexOf(problem) + 1, at);
  at = bytes.writeUInt8((signature ? HAS_SIGNATURE : 0) | (followed ? HAS_FOLLOWED : 0), at);
  at = bytes.writeDoubleLE(version.revision, at);
  at = bytes.writeDoubleLE(version.observedAt, at);
  if (signature) {
    at = bytes.writeDoubleLE(signature.inode, at);
    at = bytes.writeDoubleLE(signature.size, at);
    at = bytes.writeBigInt64LE(signature.mtimeNs, at);
    at = bytes.writeBigInt64LE(signature.changedNs ?? NEVER, at);
  }
  const idLength = bytes.write(version.id, at + 2);
  bytes.writeUInt16LE(idLength, at);
  at = bytes.writeUInt32LE(packed.length, at + 2 + idLength);
  bytes.set(packed, at);
  at += packed.length;
  return followed ? writeText(bytes, writeText(bytes, at, followed.runId), followed.branch) : at;
}

function readVersion(bytes: Buffer, start: number, known: Known): { version: RecordVersion; end: number } {
  const signatureAt = start + 19;
  const flags = bytes.readUInt8(start + 2);
  const hasSignature = (flags & HAS_SIGNATURE) !== 0;
  const idAt = signatureAt + (hasSignature ? SIGNATURE_BYTES : 0) + 2;
  const dataAt = idAt + bytes.readUInt16LE(idAt - 2) + 4;
  const dataEnd = dataAt + bytes.readUInt32LE(dataAt - 4);
  const { end, followed } = flags & HAS_FOLLOWED ? readFollowed(bytes, dataEnd) : { end: dataEnd, followed: undefined };
  const position = bytes.readDoubleLE(start + 3);
  const before = known.get(position);
  if (before) return { version: before, end };
  const problem = bytes.readUInt8(start + 1);
  const version = RecordVersion.restored(
    KINDS[bytes.readUInt8(start)]!,
    bytes.toString('utf8', idAt, dataAt - 4),
    bytes.subarray(dataAt, dataEnd),
    revision(position),
    unixMillis(bytes.readDoubleLE(start + 11)),
    hasSignature ? readSignature(bytes, signatureAt) : undefined,
    problem === 0 ? undefined : PROBLEMS[problem - 1],
    followed,
  );
  known.set(position, version);
  return { version, end };
}

function readFollowed(bytes: Buffer, start: number): { readonly followed: Followed; readonly end: number } {
  const run = readText(bytes, start);
  const branch = readText(bytes, run.end);
  return { followed: { runId: run.text, branch: branch.text }, end: branch.end };
}

function readSignature(bytes: Buffer, at: number): Signature {
  const changedNs = bytes.readBigInt64LE(at + 24);
  return {
    inode: bytes.readDoubleLE(at),
    size: bytes.readDoubleLE(at + 8),
    mtimeNs: bytes.readBigInt64LE(at + 16),
    ...(changedNs !== NEVER && { changedNs }),
  };
}

// ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function sealed(bytes: Buffer): Uint8Array {
  const at = bytes.length - CHECK_BYTES;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
  return bytes;
}

function unsealed(value: Uint8Array, what: string): Buffer {
  const bytes = bufferOf(value);
  if (crc32(bytes) !== RESIDUE) throw new DamagedJournalError(`${what} does not match its checksum`);
  return bytes;
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
