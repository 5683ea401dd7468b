import { fstatSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import { BoundedBytes } from '../../sdk/bounded-bytes.js';
import { CliError } from '../cli-error.js';

/** The bound is high because the input of a tool that writes a file contains the whole file. */
const MAX_INPUT_BYTES = 64 * 2 ** 20;
const STDIN = 0;
const CHUNK_BYTES = 65_536;

/** A longer text is read to its end: to look whether it is whole costs as much each time as to parse it. */
const MAX_EAGER_BYTES = 2 ** 20;

/**
 * Returns the JSON that the harness writes to standard input, as soon as it is whole: the harness may leave its end open.
 * @throws CliError if that is a terminal, or if the text is too long; SyntaxError if it ends and is no JSON.
 */
export async function readInput(): Promise<unknown> {
  // What is no device is no terminal, and to ask for a terminal takes as long as to read.
  if (fstatSync(STDIN).isCharacterDevice() && isatty(STDIN)) {
    throw new CliError(
      "hook reads the harness's JSON on standard input",
      'bad_args',
      'muse-bus hooks install sets it up',
    );
  }
  const input = new JsonInput();
  // Read past the process's stream, whose code takes longer to load than the input to read. It is for pipes that must not be waited for.
  if (!readWaiting(input)) {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) if (input.isWholeWith(chunk)) break;
  }
  return input.value();
}

class JsonInput {
  readonly #bytes = new BoundedBytes(
    MAX_INPUT_BYTES,
    () => new CliError(`the input has more than ${String(MAX_INPUT_BYTES)} bytes`),
  );
  #whole: { readonly value: unknown } | undefined;

  /** Adds a chunk. @returns whether the input is one JSON object with it. */
  isWholeWith(chunk: Buffer): boolean {
    this.#bytes.add(chunk);
    if (this.#bytes.length > MAX_EAGER_BYTES || !/\}\s*$/.test(chunk.subarray(-8).toString('latin1'))) return false;
    try {
      this.#whole = { value: JSON.parse(this.#bytes.text) };
      return true;
    } catch {
      return false;
    }
  }

  /** @throws SyntaxError */
  value(): unknown {
    return this.#whole ? this.#whole.value : JSON.parse(this.#bytes.text);
  }
}

/** @returns whether the input was read: a pipe may be set not to let its reader wait. */
function readWaiting(input: JsonInput): boolean {
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = readSync(STDIN, chunk);
      if (length === 0) return true;
      if (input.isWholeWith(chunk.subarray(0, length))) return true;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows reports the end of a pipe as an error.
    if (code === 'EOF') return true;
    if (code === 'EAGAIN') return false;
    throw error;
  }
}
