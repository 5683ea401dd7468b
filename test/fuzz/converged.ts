import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KIND_DIRECTORIES, KINDS } from '../../protocol/index.js';
import { parseRecord } from '../../server/watch/record-parser.js';
import { readFileName } from '../../server/watch/file-name.js';

/** Reads the disk without a server. @returns the state of each record: its data as JSON, or `broken` */
export function lookAtDisk(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const kind of KINDS) {
    const directory = join(root, '.muse', 'coordination', KIND_DIRECTORIES[kind]);
    for (const name of readdirSync(directory)) {
      const reading = readFileName(name, 256);
      if (reading.is === 'record') found.set(`${kind}/${reading.id}`, stateOf(join(directory, name)));
    }
  }
  return found;
}

function stateOf(path: string): string {
  const stats = lstatSync(path);
  if (!stats.isFile() || stats.size > 262_144) return 'broken';
  if ((stats.mode & 0o400) === 0 && process.getuid?.() !== 0) return 'broken';
  const parsed = parseRecord(readFileSync(path), 32);
  return parsed.is === 'data' ? JSON.stringify(parsed.data) : 'broken';
}
