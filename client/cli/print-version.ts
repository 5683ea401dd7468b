import { VERSION } from '../../protocol/index.js';
import { plainOutput } from './terminal/plain-output.js';

/** Prints the version without loading the parser of the command line. */
export function printVersion(): void {
  plainOutput.out(VERSION);
}
