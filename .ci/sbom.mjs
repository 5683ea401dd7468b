/**
 * Prints a CycloneDX document of the production dependencies in package-lock.json, each with its hash. It does not use the
 * network.
 *
 * `npm sbom --omit dev` also leaves out packages that a development dependency needs too, such as ws. So npm gets a lock file without
 * development dependencies.
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
  // npm uses the name of the directory as the name of the package.
  const project = join(folder, manifest.name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock));
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--offline'];
  process.stdout.write(execFileSync('npm', args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 }));
} finally {
  rmSync(folder, { recursive: true });
}
