/**
 * Prints a CycloneDX document of what an installation of the package consists of: every production dependency of
 * package-lock.json, each with its hash. Nothing is asked of the network.
 *
 * `npm sbom --omit dev` leaves out what is needed by a development dependency as well, ws among it; so npm is shown a lock file
 * that knows no development dependency.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

const manifest = read('package.json');
delete manifest.devDependencies;
const lock = read('package-lock.json');
delete lock.packages[''].devDependencies;
lock.packages = Object.fromEntries(Object.entries(lock.packages).filter(([, { dev }]) => dev !== true));

const folder = mkdtempSync(join(tmpdir(), 'muse-bus-sbom-'));
try {
  // npm takes the name of what it describes from the directory.
  const project = join(folder, manifest.name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock));
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--offline'];
  process.stdout.write(execFileSync('npm', args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 }));
} finally {
  rmSync(folder, { recursive: true });
}
