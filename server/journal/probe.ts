import { readContents } from './contents.js';
import { openLmdbTable } from './lmdb-table.js';

/**
 * A process of its own that reads a whole table: LMDB trusts the file that it maps, and over a damaged one it may end its
 * process (SIGBUS past a cut, SIGSEGV after a flipped pointer) instead of reporting an error. 0: whole. 3: damaged.
 */
const [, , path = ''] = process.argv;
try {
  readContents(await openLmdbTable(path));
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(3);
}
