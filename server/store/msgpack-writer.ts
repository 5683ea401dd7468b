/**
 * Writes MessagePack straight into a buffer, each number and length in the shortest form that holds it: the head of an event is sent to
 * every subscriber, and a decoder reads each width. Every function returns the position after what it has written.
 */

export function writeNil(bytes: Buffer, at: number): number {
  bytes[at] = 0xc0;
  return at + 1;
}

/** @param value an integer that is not negative. */
export function writeUint(bytes: Buffer, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value <= 0xff) {
    bytes[at] = 0xcc;
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value <= 0xffff) {
    bytes[at] = 0xcd;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value;
    return at + 3;
  }
  if (value <= 0xffffffff) {
    bytes[at] = 0xce;
    return bytes.writeUInt32BE(value, at + 1);
  }
  bytes[at] = 0xcf;
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at + 1);
  return bytes.writeUInt32BE(value >>> 0, at + 5);
}

/** Writes the head of an array; its elements follow. */
export function writeArrayHead(bytes: Buffer, at: number, count: number): number {
  if (count < 16) {
    bytes[at] = 0x90 | count;
    return at + 1;
  }
  if (count <= 0xffff) {
    bytes[at] = 0xdc;
    return bytes.writeUInt16BE(count, at + 1);
  }
  bytes[at] = 0xdd;
  return bytes.writeUInt32BE(count, at + 1);
}

/** Writes a moment, in milliseconds. One before 1970 is negative. */
export function writeTime(bytes: Buffer, at: number, ms: number): number {
  if (ms >= 0) return writeUint(bytes, at, ms);
  bytes[at] = 0xcb;
  return bytes.writeDoubleBE(ms, at + 1);
}

/** Writes a text of less than 65,536 bytes. */
export function writeText(bytes: Buffer, at: number, text: string): number {
  const length = bytes.write(text, at + 3);
  if (length < 32) {
    bytes[at] = 0xa0 | length;
    bytes.copyWithin(at + 1, at + 3, at + 3 + length);
    return at + 1 + length;
  }
  bytes[at] = 0xda;
  bytes.writeUInt16BE(length, at + 1);
  return at + 3 + length;
}
