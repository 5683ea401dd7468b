import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Command, MUSE_BUS } from '../support/command.js';
import { reservation } from '../support/leases.js';
import { ServedRepository } from '../support/served-repository.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { fencedBlocks } from '../support/transcripts.js';
import { until } from '../support/until.js';

// Compiling is slow.
t.setTimeout(120_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [watching, mirroring, testing, showing, ...others] = ['README.md', 'docs/SDK.md'].flatMap((path) =>
  fencedBlocks(readFileSync(join(ROOT, path), 'utf8'), 'ts'),
);

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
    // The package's own types are checked by test/package/installed.test.ts.
    skipLibCheck: true,
  },
  include: ['*.ts'],
};

/** Makes a folder in which `muse-bus` is this package, and compiles the programs of both documents there in strict mode. */
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

t.test('the programs of README.md and docs/SDK.md compile, and do what the text says', async (t) => {
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

t.test("an agent's loop of the README edits what it holds alone, and steps back from a conflict", async (t) => {
  const loop = fencedBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'sh').find((block) =>
    block.includes('wait --free'),
  )!;
  t.ok(loop.trim().split('\n').length <= 11);
  for (const isRivalled of [false, true]) {
    const repository = new TemporaryRepository();
    const bin = mkdtempSync(join(tmpdir(), 'muse-bus-bin-'));
    t.teardown(() => {
      repository.dispose();
      rmSync(bin, { recursive: true });
    });
    mkdirSync(join(repository.root, 'src'));
    // A rival reserves between the wait and the second look.
    repository.rename('reservation', 'rival', reservation('rival', isRivalled ? ['src/'] : ['test/']));
    const reservations = join(repository.root, '.muse/coordination/reservations');
    const rival = join(reservations, 'rival.json');
    const aside = join(bin, 'rival.json');
    renameSync(rival, aside);
    const program = `[ "$1" = holders ] && mv '${aside}' '${rival}'\nexec '${process.execPath}' '${MUSE_BUS}' "$@"\n`;
    writeFileSync(join(bin, 'muse-bus'), `#!/bin/sh\n${program}`, { mode: 0o755 });
    const env = { PATH: `${bin}:${process.env['PATH']!}` };
    const agent = new Command('sh', ['-c', loop], { cwd: repository.root, env });
    t.equal(await agent.exit, isRivalled ? 1 : 0, agent.errors.join('\n'));
    t.equal(existsSync(join(repository.root, 'src/billing.py')), !isRivalled, 'edited, or not');
    t.strictSame(readdirSync(reservations), ['rival.json'], 'and released');
  }
});
