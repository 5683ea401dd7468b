import { checkEntry, PREFIX } from './entries.js';
import { openLmdbTable } from './lmdb-table.js';

/**
 * A process of its own that reads every entry of a table: LMDB trusts the file that it maps, and over a damaged one it may end its
 * process (SIGBUS past a cut, SIGSEGV after a flipped pointer) instead of reporting an error. 0: whole. 3: damaged.
 */
const [, , path = ''] = process.argv;
try {
  const table = await openLmdbTable(path);
  for (const prefix of Object.values(PREFIX)) {
    for (const { value } of table.entries(prefix)) checkEntry(value);
  }
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(3);
}
