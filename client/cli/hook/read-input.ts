import { fstatSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
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
  const chunks = new Chunks();
  // Read past the process's stream, whose code takes longer to load than the input to read. It is for pipes that must not be waited for.
  if (!readWaiting(chunks)) for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.add(chunk);
  return chunks.text;
}

/** @returns whether the end was reached: a pipe may be set not to let its reader wait. */
function readWaiting(chunks: Chunks): boolean {
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = readSync(STDIN, chunk);
      if (length === 0) return true;
      chunks.add(chunk.subarray(0, length));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows reports the end of a pipe as an error.
    if (code === 'EOF') return true;
    if (code === 'EAGAIN') return false;
    throw error;
  }
}

class Chunks {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_INPUT_BYTES) throw new CliError(`the input has more than ${String(MAX_INPUT_BYTES)} bytes`);
    this.#chunks.push(chunk);
  }

  get text(): string {
    // PowerShell begins what it pipes with the mark of its encoding.
    return Buffer.concat(this.#chunks)
      .toString()
      .replace(/^\uFEFF/, '');
  }
}
