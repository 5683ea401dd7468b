import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, start?: number) => number;

/** CRC-32 (as in zip and PNG): finds a flipped bit. `start` goes on from the checksum of what came before. */
export const crc32: Crc32 = (zlib as { readonly crc32?: Crc32 }).crc32 ?? crc32InJavaScript;

// Node 20 has it in zlib from 20.15 on.
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32InJavaScript(bytes: Uint8Array, start = 0): number {
  let value = ~start >>> 0;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
