import { ProtocolError } from './errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

const malformed = (text: string): never => {
  throw new ProtocolError('bad-message', text);
};

/**
 * Walks one MessagePack value without building it. So a hostile length or depth costs nothing but the bytes that the peer sent. Allowed:
 * nil, bool, integers, floats, UTF-8 strings, arrays, maps with string keys. Refused: extension types, 0xC1, keys that are not strings or
 * are `__proto__`, trailing bytes, and binary unless allowed. Integers beyond 2^53 pass: each field has a range that its own decoder
 * checks, and an error that names the field is more helpful.
 * @throws ProtocolError `bad-message`
 */
export function checkMessagePack(bytes: Uint8Array, maxDepth: number, binary: 'refused' | 'allowed' = 'refused'): void {
  if (bytes.length === 0) malformed('the message is empty');
  const end = new Walk(bytes, maxDepth, binary === 'allowed').value(0, 0);
  if (end !== bytes.length) malformed(`${String(bytes.length - end)} bytes follow the message`);
}

class Walk {
  readonly #view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly maxDepth: number,
    private readonly allowsBinary: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @returns the offset after the value that begins at `at`. */
  value(at: number, depth: number): number {
    this.#need(at, 1);
    const head = this.bytes[at]!;
    if (head <= 0x7f || head >= 0xe0) return at + 1;
    if (head <= 0x8f) return this.#map(at + 1, head & 0x0f, depth);
    if (head <= 0x9f) return this.#array(at + 1, head & 0x0f, depth);
    if (head <= 0xbf) return this.#text(at + 1, head & 0x1f);
    switch (head) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return at + 1;
      case 0xca:
      case 0xcc:
      case 0xd0:
        return this.#skip(at + 1, head === 0xca ? 4 : 1);
      case 0xcd:
      case 0xd1:
        return this.#skip(at + 1, 2);
      case 0xce:
      case 0xd2:
        return this.#skip(at + 1, 4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#skip(at + 1, 8);
      case 0xd9:
        return this.#text(at + 2, this.#length(at + 1, 1));
      case 0xda:
        return this.#text(at + 3, this.#length(at + 1, 2));
      case 0xdb:
        return this.#text(at + 5, this.#length(at + 1, 4));
      case 0xdc:
        return this.#array(at + 3, this.#length(at + 1, 2), depth);
      case 0xdd:
        return this.#array(at + 5, this.#length(at + 1, 4), depth);
      case 0xde:
        return this.#map(at + 3, this.#length(at + 1, 2), depth);
      case 0xdf:
        return this.#map(at + 5, this.#length(at + 1, 4), depth);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        if (this.allowsBinary) return this.#binary(at, head);
        break;
    }
    return malformed(`byte 0x${head.toString(16)}: binary and extension types are not part of the protocol`);
  }

  #binary(at: number, head: number): number {
    const size = head === 0xc4 ? 1 : head === 0xc5 ? 2 : 4;
    return this.#skip(at + 1 + size, this.#length(at + 1, size));
  }

  #need(at: number, count: number): void {
    if (count > this.bytes.length - at) malformed('the message ends inside a value');
  }

  #skip(at: number, count: number): number {
    this.#need(at, count);
    return at + count;
  }

  #length(at: number, size: 1 | 2 | 4): number {
    this.#need(at, size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #text(at: number, length: number): number {
    this.#need(at, length);
    try {
      utf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      malformed('a string is not UTF-8');
    }
    return at + length;
  }

  #array(at: number, count: number, depth: number): number {
    this.#enter(at, count, depth);
    let next = at;
    for (let i = 0; i < count; i++) next = this.value(next, depth + 1);
    return next;
  }

  #map(at: number, count: number, depth: number): number {
    this.#enter(at, count * 2, depth);
    let next = at;
    for (let i = 0; i < count; i++) {
      const afterKey = this.value(next, depth + 1);
      this.#checkKey(next, afterKey);
      next = this.value(afterKey, depth + 1);
    }
    return next;
  }

  /** Each element takes at least one byte, so a count larger than the rest of the bytes is refused at once. */
  #enter(at: number, elements: number, depth: number): void {
    if (depth >= this.maxDepth) malformed(`nested deeper than ${String(this.maxDepth)}`);
    this.#need(at, elements);
  }

  #checkKey(from: number, to: number): void {
    const headLength = lengthOfStringHead(this.bytes[from]!);
    if (headLength === undefined) return malformed('a map has a key that is no string');
    if (utf8.decode(this.bytes.subarray(from + headLength, to)) === '__proto__') {
      malformed('the key __proto__ is not allowed');
    }
  }
}

/** @returns `undefined` if a value with this first byte is no string. */
function lengthOfStringHead(head: number): number | undefined {
  if (head >= 0xa0 && head <= 0xbf) return 1;
  switch (head) {
    case 0xd9:
      return 2;
    case 0xda:
      return 3;
    case 0xdb:
      return 5;
    default:
      return undefined;
  }
}
