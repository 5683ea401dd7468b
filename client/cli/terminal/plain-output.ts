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
    write(STDOUT, `${TerminalText.of(line).shown}\n`);
  },
  err: (line) => {
    write(STDERR, `${TerminalText.of(line).shown}\n`);
  },
  json: (value) => {
    write(STDOUT, `${jsonLine(value)}\n`);
  },
};

/** A pipe that is set not to let its writer wait takes the rest once its reader has read. */
const READER_MS = 2;

function write(file: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      // Any other error: the reader has gone, and nobody is left to be told.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READER_MS);
    }
  }
}
