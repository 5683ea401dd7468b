import { checkEntry, PREFIX } from './entries.js';
import { openLmdbTable } from './lmdb-table.js';

/**
 * The program of a process that reads every entry of a table. LMDB trusts the file that it maps. A damaged file may crash the
 * process (SIGBUS past the end of a cut file, SIGSEGV after a flipped pointer) instead of causing an error.
 * Exit code 0: whole. 3: damaged.
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
