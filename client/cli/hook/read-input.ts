import { fstatSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import { BoundedBytes } from '../../sdk/bounded-bytes.js';
import { CliError } from '../cli-error.js';

/** The bound is high because the input of a tool that writes a file contains the whole file. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;
const STDIN = 0;
const CHUNK_BYTES = 65_536;

/** Returns what the harness writes to standard input. @throws CliError if that is a terminal, or if the text is too long. */
export async function readInput(): Promise<string> {
  // What is no device is no terminal, and to ask for a terminal takes as long as to read.
  if (fstatSync(STDIN).isCharacterDevice() && isatty(STDIN)) {
    throw new CliError(
      "hook reads the harness's JSON on standard input",
      'bad_args',
      'muse-bus hooks install sets it up',
    );
  }
  const input = new BoundedBytes(
    MAX_INPUT_BYTES,
    () => new CliError(`the input has more than ${String(MAX_INPUT_BYTES)} bytes`),
  );
  // Read past the process's stream, whose code takes longer to load than the input to read. It is for pipes that must not be waited for.
  if (!readWaiting(input)) await input.addAll(process.stdin);
  return input.text;
}

/** @returns whether the end was reached: a pipe may be set not to let its reader wait. */
function readWaiting(input: BoundedBytes): boolean {
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = readSync(STDIN, chunk);
      if (length === 0) return true;
      input.add(chunk.subarray(0, length));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows reports the end of a pipe as an error.
    if (code === 'EOF') return true;
    if (code === 'EAGAIN') return false;
    throw error;
  }
}
