import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** 256 random bits in base64url. */
export const makeToken = (): string => randomBytes(32).toString('base64url');

export const isToken = (text: string): boolean => TOKEN.test(text);

/**
 * Whether a file is this user's and closed to others. Windows keeps permissions elsewhere: the directory in the user's
 * profile is what protects there.
 */
export function isPrivate({ mode, uid }: { readonly mode: number; readonly uid: number }): boolean {
  return process.getuid === undefined || ((mode & 0o077) === 0 && uid === process.getuid());
}

/** Whoever reads sees the old file or the new one, and never anyone else's. */
export function replaceFile(file: string, content: string): void {
  const temporary = `${file}.${String(process.pid)}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, file);
}
