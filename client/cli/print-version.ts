import { VERSION } from '../../protocol/index.js';
import { processTerminal } from './terminal/terminal.js';

/** Prints the version without loading the parser of the command line. */
export function printVersion(): void {
  processTerminal().out(VERSION);
}
