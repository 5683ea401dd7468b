import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { OpenFeed, See } from './feed.js';
import { readLines } from './line-reader.js';

/** Reads `inotifywait -m` through a pipe. The client reads and parses each named file itself. */
export const inotifywaitFeed: OpenFeed = (root, see) => {
  const directory = join(root, '.muse', 'coordination', 'intents');
  const args = ['-m', '-e', 'close_write,moved_to,delete', '--format', '%f', directory];
  return readLines('inotifywait', args, (name) => seeFile(directory, name, see), {
    isReady: (text) => text.startsWith('Watches established'),
  });
};

/** Reads a file that is reported as changed. */
export function seeFile(directory: string, name: string, see: See): void {
  if (!name.endsWith('.json') || name.startsWith('.')) return;
  const id = basename(name, '.json');
  try {
    const data = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { seq: number };
    see({ id, isRemoved: false, seq: data.seq });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') see({ id, isRemoved: true, seq: undefined });
    // Half-written. Another notice will follow.
  }
}
