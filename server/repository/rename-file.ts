import { lstatSync, renameSync, rmSync } from 'node:fs';

/** A program that scans or indexes new files, as on Windows, holds them for less than this. */
const PATIENCE_MS = 1_000;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 64;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** The calls that a rename needs, so that a test can make them fail without waiting. */
export interface RenameCalls {
  rename(from: string, to: string): void;
  /** Whether a directory is at a path: no waiting puts a file in its place. */
  isDirectory(path: string): boolean;
  pause(ms: number): void;
}

const systemCalls: RenameCalls = {
  rename: renameSync,
  isDirectory: (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  pause: (ms) => void Atomics.wait(NOTHING, 0, 0, ms),
};

/**
 * Renames a file, and tries again for a second where another program holds one of the two for a moment (EPERM, EACCES, EBUSY). It does
 * not return to the loop meanwhile: the callers replace a small file and must know whether it is replaced.
 */
export function renamePatiently(from: string, to: string, calls: RenameCalls = systemCalls): void {
  let waited = 0;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      calls.rename(from, to);
      return;
    } catch (error) {
      if (!isHeld(error) || waited >= PATIENCE_MS || calls.isDirectory(to)) throw error;
    }
    calls.pause(pause);
    waited += pause;
  }
}

/** Removes a file that may hold a secret, with the same patience. */
export function removePatiently(path: string): void {
  // Node tries again by itself only where it may also remove directories.
  rmSync(path, { force: true, recursive: true, maxRetries: 8, retryDelay: 30 });
}

const isHeld = (error: unknown): boolean => /^(EPERM|EACCES|EBUSY)$/.test((error as NodeJS.ErrnoException).code ?? '');
