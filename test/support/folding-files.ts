import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemFiles, type Files } from '../../server/watch/files.js';

/** What file systems fold. `both`: as APFS and ext4 do it: `ß` is `ss`, and a dotless `ı` is `i`. */
const FOLDS = {
  both: (name: string): string => name.normalize('NFC').toUpperCase().toLowerCase(),
  'normal form': (name: string): string => name.normalize('NFC'),
} as const;

/**
 * The system's files, as on a file system that folds names: any spelling of a name opens the file, and a listing shows the stored name.
 * @param saysNames whether `nameOf` returns the stored name
 */
export function foldingFiles(saysNames: boolean, folds: keyof typeof FOLDS = 'both'): Files {
  const at = (path: string): string => listed(path, FOLDS[folds]);
  return {
    ...systemFiles,
    open: (path, flags) => systemFiles.open(at(path), flags),
    look: (path) => systemFiles.look(at(path)),
    nameOf: (path) => (saysNames ? basename(at(path)) : undefined),
  };
}

function listed(path: string, folded: (name: string) => string): string {
  const directory = dirname(path);
  const name = folded(basename(path));
  try {
    const found = readdirSync(directory).find((entry) => folded(entry) === name);
    return found === undefined ? path : `${directory}/${found}`;
  } catch {
    return path;
  }
}
