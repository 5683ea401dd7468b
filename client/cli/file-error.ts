import { dirname, isAbsolute } from 'node:path';
import { systemErrorWords } from '../../protocol/index.js';
import { asTyped, CliError } from './cli-error.js';

/**
 * Returns the failure to read or write a file that the user named: what was wrong, in words, and what to do about it.
 * @param what the file, as the user knows it
 */
export function fileError(
  verb: 'read' | 'write',
  path: string,
  error: unknown,
  { what = path, status = verb === 'read' ? 'cannot_read' : 'cannot_write', hint = '' } = {},
): CliError {
  const advice = adviceOn(verb, path, (error as NodeJS.ErrnoException).code ?? '');
  return new CliError(`cannot ${verb} ${asTyped(what)}: ${systemErrorWords(error)}`, status, hint || advice);
}

function adviceOn(verb: 'read' | 'write', path: string, code: string): string {
  switch (code) {
    case 'ENOENT':
      if (path === '') return 'name a file: the name is empty';
      if (verb === 'write') return `make the directory ${dirname(path)} first`;
      return isAbsolute(path) ? 'check the path' : `check the path; it was looked for from ${process.cwd()}`;
    case 'EISDIR':
      return 'name a file in it';
    case 'EACCES':
    case 'EPERM':
      return 'change its permissions, or choose another file';
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EROFS':
      return 'choose another place';
    default:
      return '';
  }
}
