import type { Files } from './files.js';

/** Names fetched from the kernel at a time. */
const READ_AHEAD = 512;

/**
 * The names in a directory. Asked for one by one and not awaited: twenty thousand promises cost more than the names.
 * @throws what opening or reading it says.
 */
export function* namesIn(files: Files, path: string): Generator<string> {
  const directory = files.list(path, READ_AHEAD);
  try {
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) yield entry.name;
  } finally {
    directory.closeSync();
  }
}
