import { lstatSync, renameSync, rmSync } from 'node:fs';

/** A program that scans or indexes new files, as on Windows, holds them for less than this. */
const PATIENCE_MS = 1_000;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 64;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** The calls on files that another program may hold, so that a test can make them fail without waiting. */
export interface HeldFileCalls {
  rename(from: string, to: string): void;
  /** Removes a file, or a directory and what is in it; nothing if there is none. */
  remove(path: string): void;
  /** Whether a directory is at a path: no waiting puts a file in its place. */
  isDirectory(path: string): boolean;
  pause(ms: number): void;
}

const systemCalls: HeldFileCalls = {
  rename: renameSync,
  remove: (path) => {
    rmSync(path, { force: true, recursive: true });
  },
  isDirectory: (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  pause: (ms) => void Atomics.wait(NOTHING, 0, 0, ms),
};

/**
 * Renames a file, and tries again for a second where another program holds one of the two for a moment (EPERM, EACCES, EBUSY). It does
 * not return to the loop meanwhile: the callers replace a small file and must know whether it is replaced.
 */
export function renamePatiently(from: string, to: string, calls: HeldFileCalls = systemCalls): void {
  patiently(
    () => {
      calls.rename(from, to);
    },
    () => !calls.isDirectory(to),
    calls,
  );
}

/** Removes what is at a path with the same patience. */
export function removePatiently(path: string, calls: HeldFileCalls = systemCalls): void {
  patiently(
    () => {
      calls.remove(path);
    },
    () => true,
    calls,
  );
}

function patiently(call: () => void, mayHelp: () => boolean, { pause }: HeldFileCalls): void {
  let waited = 0;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      call();
      return;
    } catch (error) {
      if (!isHeld(error) || waited >= PATIENCE_MS || !mayHelp()) throw error;
    }
    pause(pauseMs);
    waited += pauseMs;
  }
}

/** A directory is not empty while another program holds a file of it that is removed already. */
const isHeld = (error: unknown): boolean =>
  /^(EPERM|EACCES|EBUSY|ENOTEMPTY)$/.test((error as NodeJS.ErrnoException).code ?? '');
