/** Writes the manual page beside the program, from the same source as the help. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../../dist/client/cli/', import.meta.url));
writeFileSync(`${cli}muse-bus.1`, execFileSync(process.execPath, [`${cli}main.cjs`, 'man']));
