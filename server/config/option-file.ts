import { readFileSync } from 'node:fs';
import { systemErrorWords } from '../../protocol/index.js';
import { OptionError } from './option-error.js';

/** Reads a file that an option names. @param what the name of the file in error messages. @throws OptionError if it cannot be read. */
export function readOptionFile(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new OptionError(`cannot read ${what} ${file}: ${systemErrorWords(error)}`);
  }
}
