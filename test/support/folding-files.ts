import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemFiles, type Files } from '../../server/watch/files.js';

/**
 * The system's files, as on a file system that folds case and normal form: any spelling of a name opens the file, and a listing shows the stored name.
 * @param saysNames whether `nameOf` returns the stored name
 */
export const foldingFiles = (saysNames: boolean): Files => ({
  ...systemFiles,
  open: (path, flags) => systemFiles.open(listed(path), flags),
  look: (path) => systemFiles.look(listed(path)),
  nameOf: (path) => (saysNames ? basename(listed(path)) : undefined),
});

function listed(path: string): string {
  const directory = dirname(path);
  const name = folded(basename(path));
  try {
    const found = readdirSync(directory).find((entry) => folded(entry) === name);
    return found === undefined ? path : `${directory}/${found}`;
  } catch {
    return path;
  }
}

/** As APFS and ext4 fold it: `ß` is `ss`, and a dotless `ı` is `i`. */
const folded = (name: string): string => name.normalize('NFC').toUpperCase().toLowerCase();
