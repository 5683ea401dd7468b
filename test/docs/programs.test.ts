import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command } from '../support/command.js';
import { reservation } from '../support/leases.js';
import { ServedRepository } from '../support/served-repository.js';
import { fencedBlocks } from '../support/transcripts.js';
import { until } from '../support/until.js';

// Compiling is slow.
t.setTimeout(120_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [watching, mirroring, testing, showing, ...others] = fencedBlocks(
  readFileSync(join(ROOT, 'README.md'), 'utf8'),
  'ts',
);

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

/** Makes a folder in which `muse-bus` is this package, and compiles the README's programs there in strict mode. */
function compiled(): string {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'muse-bus'));
  symlinkSync(join(ROOT, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  for (const [name, text] of Object.entries({ watching, mirroring, testing, showing }))
    writeFileSync(join(folder, `${name}.ts`), text!);
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
  return folder;
}

t.test('the programs of the README compile, and do what the README says', async (t) => {
  t.same(others, [], 'each is tried');
  const folder = compiled();
  const repository = new ServedRepository();
  const [total, other] = ['src/billing.py::compute_total', 'src/auth.py::verify_token'];
  t.teardown(async () => {
    rmSync(folder, { recursive: true });
    await repository.stop();
  });
  repository.rename('reservation', 'r1', reservation('agent-42', [total]));
  repository.rename('reservation', 'r2', reservation('agent-7', [other], { branch: 'feature/billing' }));
  await repository.start();
  const run = (name: string): Command => {
    const command = new Command(process.execPath, [join(folder, `${name}.js`)], { cwd: repository.root });
    t.teardown(() => {
      command.kill('SIGKILL');
    });
    return command;
  };

  const watcher = run('watching');
  const mirror = run('mirroring');
  await until('both have begun', () => watcher.lines.length === 1 && mirror.lines.length === 1);
  repository.remove('reservation', 'r1');
  t.equal(await mirror.exit, 0, mirror.errors.join('\n'));
  t.same(mirror.lines, ['agent-42', 'free']);
  await until('the removal arrives', () => watcher.lines.length === 2);
  t.same(watcher.lines, [`snapshot agent-42 [ '${total}' ]`, `removed agent-42 [ '${total}' ]`]);

  const fake = run('testing');
  t.equal(await fake.exit, 0, fake.errors.join('\n'));
  t.same(fake.lines, ['1', '0']);
});
