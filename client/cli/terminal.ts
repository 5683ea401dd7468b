import pc from 'picocolors';
import type { Colors } from 'picocolors/types.js';

/** Where a command writes, and what may be written there. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  readonly isInteractive: boolean;
  readonly colours: Colors;
}

/** The process's own streams. A reader that goes away ends the command quietly, as with any tool in a pipe. */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const isInteractive = process.stdout.isTTY;
  const colours = pc.createColors(isInteractive && process.env['NO_COLOR'] === undefined);
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    isInteractive,
    colours,
  };
}
