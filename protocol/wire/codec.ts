import { Packr } from 'msgpackr';
import type { Encoding } from './encoding.js';
import { ProtocolError } from './errors.js';
import { checkMessagePack } from './msgpack-check.js';

// msgpackr writes record extensions by default, and only msgpackr can read them. `toJSON` is a key like any other, but msgpackr calls its
// value, of whatever type, as soon as another key is named `constructor`.
const OPTIONS = { useRecords: false, int64AsType: 'number', useToJSON: false } as const;
const packr = new Packr(OPTIONS);
/** Slower, but not limited to 65,535 keys in one map. */
const widePackr = new Packr({ ...OPTIONS, variableMapSize: true });

/** Packs a message as MessagePack without extension types, which a decoder in any language reads. */
export function packMessage(message: unknown): Uint8Array {
  try {
    return packr.pack(message);
  } catch {
    return widePackr.pack(message);
  }
}

const MAP16 = 0xde;
const MAX_FIXMAP = 15;

/** Packs a record's data like {@link packMessage}, which spends three bytes on the number of keys where one byte holds it. */
export function packRecord(data: object): Uint8Array {
  const bytes = packMessage(data);
  if (bytes[0] !== MAP16 || bytes[1] !== 0 || bytes[2]! > MAX_FIXMAP) return bytes;
  bytes[2]! |= 0x80;
  return bytes.subarray(2);
}

/** Decodes bytes that a trusted peer packed. For bytes from any other source use {@link decodeStrictly}. */
export function unpackMessage(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

const MAX_DEPTH = 8;

/**
 * Decodes a value from an untrusted peer. Binary may be allowed, because the messages of a relay contain it. Sizes, depth, types and keys
 * are checked before anything is allocated.
 * @throws ProtocolError `bad-message`
 */
export function unpackStrictly(bytes: Uint8Array, maxDepth: number, binary: 'refused' | 'allowed'): unknown {
  checkMessagePack(bytes, maxDepth, binary);
  return packr.unpack(bytes);
}

/**
 * Decodes one message from an untrusted peer. Sizes, depth, types and keys are checked before anything is allocated.
 * @throws ProtocolError `bad-message`
 */
export function decodeStrictly(encoding: Encoding, payload: Uint8Array): unknown {
  if (encoding === 'json') return parseJsonStrictly(payload);
  checkMessagePack(payload, MAX_DEPTH);
  return packr.unpack(payload);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJsonStrictly(payload: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(payload));
  } catch {
    throw new ProtocolError('bad-message', 'the message is not JSON in UTF-8');
  }
  checkJson(value, MAX_DEPTH);
  return value;
}

function checkJson(value: unknown, depthLeft: number): void {
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw new ProtocolError('bad-message', 'a string holds half of a surrogate pair');
  }
  if (typeof value !== 'object' || value === null) return;
  if (depthLeft === 0) throw new ProtocolError('bad-message', `nested deeper than ${String(MAX_DEPTH)}`);
  if (Object.hasOwn(value, '__proto__')) throw new ProtocolError('bad-message', 'the key __proto__ is not allowed');
  for (const [key, inner] of Object.entries(value)) {
    checkJson(key, depthLeft);
    checkJson(inner, depthLeft - 1);
  }
}
