import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemFiles, type Files } from '../../server/watch/files.js';

/** The system's files as they are where names fold case: any spelling of a name finds the file, and its own is listed. @param saysNames whether a file says its own. */
export const foldingFiles = (saysNames: boolean): Files => ({
  ...systemFiles,
  open: (path, flags) => systemFiles.open(listed(path), flags),
  look: (path) => systemFiles.look(listed(path)),
  nameOf: (path) => (saysNames ? basename(listed(path)) : undefined),
});

function listed(path: string): string {
  const directory = dirname(path);
  const name = basename(path).toLowerCase();
  try {
    const found = readdirSync(directory).find((entry) => entry.toLowerCase() === name);
    return found === undefined ? path : `${directory}/${found}`;
  } catch {
    return path;
  }
}
