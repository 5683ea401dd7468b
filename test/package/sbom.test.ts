import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Component {
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

t.test(
  'the bill of materials lists exactly the production dependencies of the lock file, with their hashes',
  async (t) => {
    const printed = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
    const { bomFormat, metadata, components } = JSON.parse(printed) as {
      bomFormat: string;
      metadata: { component: { purl: string } };
      components: readonly Component[];
    };
    t.equal(bomFormat, 'CycloneDX');
    const { version, packages } = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8')) as {
      version: string;
      packages: Record<string, { name?: string; version: string; integrity: string; dev?: boolean }>;
    };
    t.equal(metadata.component.purl, `pkg:npm/muse-bus@${version}`);
    const locked = Object.entries(packages)
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .map(([path, { name, version, integrity }]) => {
        const called = (name ?? path.slice(path.lastIndexOf('node_modules/') + 13)).replace('@', '%40');
        const [, base64] = integrity.split('sha512-');
        return [`pkg:npm/${called}@${version}`, Buffer.from(base64!, 'base64').toString('hex')] as const;
      });
    const listed = components.map(({ purl, hashes = [] }) => [purl, hashes[0]?.content] as const);
    t.strictSame(Object.fromEntries(listed), Object.fromEntries(locked));
    t.ok(
      listed.some(([purl]) => purl === 'pkg:npm/uws-pack@20.0.8'),
      'the native engine under its true name',
    );
    t.ok(
      listed.some(([purl]) => purl.startsWith('pkg:npm/ws@')),
      'also what the tests need as well',
    );
  },
);
