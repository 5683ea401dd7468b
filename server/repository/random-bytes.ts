import { randomBytes as cryptoRandomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const SOURCE = '/dev/urandom';

/** Returns random bytes of the system. Where it has a file for them, `node:crypto` is not loaded for a few bytes: see sha256.ts. */
export function randomBytes(length: number): Buffer {
  return fromFile(length) ?? cryptoRandomBytes(length);
}

function fromFile(length: number): Buffer | undefined {
  try {
    const file = openSync(SOURCE, 'r');
    try {
      const bytes = Buffer.alloc(length);
      const isSystems = fstatSync(file).isCharacterDevice();
      return isSystems && readSync(file, bytes) === length ? bytes : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
