import type { Files } from './files.js';

/** Names fetched from the kernel at a time. */
const READ_AHEAD = 512;

/**
 * The names in a directory. Read synchronously, because twenty thousand promises cost more than the names.
 * @throws the system's error if the directory cannot be opened or read.
 */
export function* namesIn(files: Files, path: string): Generator<string> {
  const directory = files.list(path, READ_AHEAD);
  try {
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) yield entry.name;
  } finally {
    directory.closeSync();
  }
}
