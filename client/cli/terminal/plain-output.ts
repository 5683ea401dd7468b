import { writeSync } from 'node:fs';
import { jsonLine } from '../../../protocol/index.js';
import type { Terminal } from './terminal.js';
import { TerminalText } from './terminal-text.js';

const STDOUT = 1;
const STDERR = 2;

/**
 * Writes whole lines without styles, past the process's streams: to load these takes a sixth as long as Node itself takes to start. For
 * a program that ends at once and whose reader is another program.
 */
export const plainOutput: Pick<Terminal, 'out' | 'err' | 'json'> = {
  out: (line) => {
    write(STDOUT, `${TerminalText.of(line).shown}\n`, () => process.stdout);
  },
  err: (line) => {
    write(STDERR, `${TerminalText.of(line).shown}\n`, () => process.stderr);
  },
  json: (value) => {
    write(STDOUT, `${jsonLine(value)}\n`, () => process.stdout);
  },
};

/** @param stream writes what a pipe without a waiting writer does not take at once. */
function write(file: number, text: string, stream: () => NodeJS.WriteStream): void {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(file, rest));
  } catch (error) {
    // Any other error: the reader has gone, and nobody is left to be told.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN')
      stream()
        .on('error', () => undefined)
        .write(rest);
  }
}
