import pc from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { watchReader } from './reader-watch.js';

/** Where a command writes, and what may be written there. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** Writes as it is: for a screen that is drawn over. */
  draw(text: string): void;
  /** Resolves once the reader has taken what was written, so that a slow one is waited for instead of buffered for. */
  drained(): Promise<void>;
  /** Whether standard output is a terminal. */
  readonly isInteractive: boolean;
  readonly colours: Colors;
}

/**
 * The process's own streams. A reader that goes away ends the command quietly, as with any tool in a pipe.
 * @param gone what to do then. @default ends the process with 0
 */
export function processTerminal(gone: () => void = () => process.exit(0)): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone();
  });
  // Nobody reads what goes wrong: no reason to go wrong oneself.
  process.stderr.on('error', () => undefined);
  watchReader(gone);
  const isInteractive = process.stdout.isTTY;
  const colours = pc.createColors(isInteractive && process.env['NO_COLOR'] === undefined);
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    draw: (text) => void process.stdout.write(text),
    drained,
    isInteractive,
    colours,
  };
}

function drained(): Promise<void> {
  if (!process.stdout.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
