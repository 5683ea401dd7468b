import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { Finding } from '../../../../client/cli/doctor/finding.js';
import { checkHooks } from '../../../../client/cli/hook-settings/check.js';
import { INSTALL_PLACES } from '../../../../client/cli/hook-settings/places.js';
import { readSettingsFile, writeSettingsFile } from '../../../../client/cli/hook-settings/settings-file.js';
import { Command, MUSE_BUS } from '../../../support/command.js';
import { inFuture } from '../../../support/leases.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';

const PATH_OF_A_FILE = '/work/shop/.git/hooks/pre-commit';
const PLAIN = { program: 'muse-bus', whenUnknown: 'pass' } as const;

function temporary(t: Test): { readonly repository: TemporaryRepository; readonly env: NodeJS.ProcessEnv } {
  const repository = new TemporaryRepository();
  const bin = mkdtempSync(join(tmpdir(), 'muse-bus-bin-'));
  writeFileSync(join(bin, 'muse-bus'), `#!/bin/sh\nexec '${process.execPath}' '${MUSE_BUS}' "$@"\n`, { mode: 0o755 });
  t.teardown(() => {
    repository.dispose();
    rmSync(bin, { recursive: true });
  });
  const git = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  return { repository, env: { ...git, HOME: bin, PATH: `${bin}${delimiter}${process.env['PATH']!}` } };
}

async function hooks(repository: TemporaryRepository, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const command = Command.museBus(['hooks', ...args, '--root', repository.root], { env });
  return { exit: await command.exit, out: command.lines.join('\n'), errors: command.errors.join('\n'), command };
}

t.test('without a yes the difference is shown, and nothing is written', async (t) => {
  const { repository, env } = temporary(t);
  const { exit, out, errors } = await hooks(repository, ['install', 'claude-code'], env);
  t.equal(exit, 1);
  t.match(out, /^\+ .*muse-bus hook claude-code/m);
  t.match(errors, /nothing was written; --yes writes it/);
  t.notOk(existsSync(join(repository.root, '.claude')));
});

t.test('what is installed is found by check and by doctor, and removed again', async (t) => {
  const { repository, env } = temporary(t);
  const names = ['claude-code', 'codex', 'cursor', 'mcp'];
  t.equal((await hooks(repository, ['install', ...names, '--yes'], env)).exit, 0);
  const check = await hooks(repository, ['check', ...names, '--json'], env);
  t.equal(check.exit, 0, check.out);
  t.same(
    check.command.json().map(({ state }) => state),
    ['ok', 'ok', 'ok', 'ok'],
  );
  const doctor = Command.museBus(['doctor', '--json', '--root', repository.root], { env });
  await doctor.exit;
  t.equal(doctor.json().filter(({ check }) => String(check).startsWith('hooks ')).length, 4);
  t.equal((await hooks(repository, ['remove', ...names, '--yes'], env)).exit, 0);
  for (const file of ['.claude/settings.json', '.codex/hooks.json', '.cursor/hooks.json', '.mcp.json'])
    t.notOk(existsSync(join(repository.root, file)), file);
});

const EMULATION = new URL('../../../platforms/emulated-node.mjs', import.meta.url).href;

for (const platform of ['WSL, a Windows drive', 'SMB'])
  t.test(
    `${platform} (emulated): refused modes and a rename that fails for a moment keep nobody from installing`,
    async (t) => {
      const { repository, env } = temporary(t);
      const file = join(repository.root, '.claude', 'settings.json');
      mkdirSync(join(repository.root, '.claude'));
      writeFileSync(file, '{}');
      const emulated = { ...env, NODE_OPTIONS: `--import ${EMULATION}`, MUSE_TEST_PLATFORM: platform };
      const { exit, errors } = await hooks(repository, ['install', 'claude-code', '--yes'], emulated);
      t.equal(exit, 0, errors);
      t.match(readFileSync(file, 'utf8'), 'muse-bus hook claude-code');
      t.same(readdirSync(join(repository.root, '.claude')), ['settings.json']);
    },
  );

t.test('a misspelt event and a program that is not there are wrong', async (t) => {
  const { repository, env } = temporary(t);
  mkdirSync(join(repository.root, '.cursor'));
  const entry = { command: '/nowhere/muse-bus hook cursor' };
  writeFileSync(
    join(repository.root, '.cursor', 'hooks.json'),
    JSON.stringify({ version: 1, hooks: { preTooluse: [entry], aNewEvent: [] } }),
  );
  const { exit, command } = await hooks(repository, ['check', 'cursor', '--json'], env);
  t.equal(exit, 1);
  const found = command.json<{ found: string; state: string }>().map(({ found, state }) => `${state}: ${found}`);
  t.match(found, [
    'wrong: there is no event preTooluse: its hooks are never called',
    'wrong: not called at preToolUse',
    /wrong: \/nowhere\/muse-bus is not found/,
  ]);
});

t.test('hooks that are switched off, and a script that git does not run, are wrong', async (t) => {
  const { repository } = temporary(t);
  const { root } = repository;
  execFileSync('git', ['init', '-q'], { cwd: root });
  const settings = INSTALL_PLACES['claude-code'].add('{"disableAllHooks":true}', PLAIN, PATH_OF_A_FILE);
  const script = INSTALL_PLACES.git.add(undefined, PLAIN, PATH_OF_A_FILE);
  mkdirSync(join(root, '.claude'));
  for (const [edit, path] of [
    [settings, '.claude/settings.json'],
    [script, '.git/hooks/pre-commit'],
  ] as const)
    writeFileSync(join(root, path), edit.is === 'changed' ? edit.text! : '', { mode: 0o644 });
  const mcp = INSTALL_PLACES.mcp.add(undefined, PLAIN, PATH_OF_A_FILE);
  writeFileSync(join(root, '.mcp.json'), mcp.is === 'changed' ? mcp.text! : '');
  const check = (): Finding[] => checkHooks(root, ['claude-code', 'git', 'mcp'], { PATH: '' });
  const wrong = check().filter(({ state }) => state === 'wrong');
  t.match(wrong, [
    { found: /^"disableAllHooks" is true in / },
    { found: /muse-bus is not found in PATH/ },
    { found: /^git does not run .*: it is not executable/ },
    { found: /muse-bus is not found in PATH: there are no tools/ },
  ]);
  chmodSync(join(root, '.git/hooks/pre-commit'), 0o755);
  t.match(check(), [{}, {}, {}, { state: 'ok' }, { found: /muse-bus is not found in PATH: nothing is stopped/ }]);
});

t.test('a program that has moved is wrong, also if it is an argument of another', async (t) => {
  const { repository } = temporary(t);
  const { root } = repository;
  execFileSync('git', ['init', '-q'], { cwd: root });
  const moved = { ...PLAIN, program: `${process.execPath} /moved/muse-bus/main.cjs` };
  for (const name of ['claude-code', 'git', 'mcp'] as const) {
    const { add, mode, path } = INSTALL_PLACES[name];
    const edit = add(undefined, moved, path(root));
    writeSettingsFile(root, { path: path(root), text: undefined }, edit.is === 'changed' ? edit.text : '', mode);
    t.match(
      checkHooks(root, [name]),
      [{ state: 'ok' }, { state: 'wrong', found: /^\/moved\/muse-bus\/main\.cjs is not there: / }],
      name,
    );
  }
});

t.test('a file that nobody may write is left as it is, and one of another user stays theirs', async (t) => {
  const { repository } = temporary(t);
  const path = join(repository.root, 'settings.json');
  writeFileSync(path, '{}', { mode: 0o444 });
  const write = (text: string | undefined): void => {
    writeSettingsFile(repository.root, { path, text: '{}' }, text, 0o644);
  };
  for (const text of ['{"a":1}', undefined])
    t.throws(() => {
      write(text);
    }, /is left as it is: it is read-only/);
  t.equal(readFileSync(path, 'utf8'), '{}');
  if (process.getuid?.() !== 0) return;
  chmodSync(path, 0o644);
  chownSync(path, 65_534, 65_534);
  write('{"a":1}');
  t.match(statSync(path), { uid: 65_534, gid: 65_534 });
});

t.test('two processes never write one file at once, and one that was killed stands in nobody’s way', async (t) => {
  const { repository } = temporary(t);
  const path = join(repository.root, 'settings.json');
  const left = join(repository.root, '.settings.json.muse-bus');
  const write = (text: string | undefined): void => {
    writeSettingsFile(repository.root, { path, text: '{}' }, text, 0o644);
  };
  writeFileSync(path, '{}');
  writeFileSync(left, 'half of');
  for (const text of ['{"a":1}', undefined]) {
    t.throws(() => write(text), /another process writes it/);
    t.equal(readFileSync(path, 'utf8'), '{}');
    t.ok(existsSync(left), 'the file of the other process stays');
  }
  const before = Date.now() / 1_000 - 11;
  utimesSync(left, before, before);
  write('{"a":1}');
  t.equal(readFileSync(path, 'utf8'), '{"a":1}');
  t.notOk(existsSync(left));
  t.throws(() => write(undefined), /it has changed meanwhile/);
  t.notOk(existsSync(left));
});

t.test('hooks that are in another file of the harness too are said', (t) => {
  const { repository, env } = temporary(t);
  const home = join(repository.root, 'home');
  const command = 'muse-bus hook codex --when-unknown deny';
  for (const [file, text] of [
    ['.claude/settings.json', INSTALL_PLACES['claude-code'].add(undefined, PLAIN, '')],
    ['.cursor/hooks.json', INSTALL_PLACES.cursor.add(undefined, PLAIN, '')],
    ['.codex/config.toml', { is: 'changed', text: `[[hooks.Stop]]\ncommand = "${command}"\n` }],
  ] as const) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), text.is === 'changed' ? text.text! : '');
  }
  const places = ['claude-code', 'codex', 'cursor'] as const;
  const check = (): readonly Finding[] => checkHooks(repository.root, places, { ...env, HOME: home });
  t.match(
    check().map(({ state, found }) => `${state} ${found}`),
    places.map(() => /^ok installed in .*home/),
  );
  for (const place of places) {
    const path = INSTALL_PLACES[place].path(repository.root);
    const added = INSTALL_PLACES[place].add(undefined, PLAIN, path);
    writeSettingsFile(repository.root, { path, text: undefined }, added.is === 'changed' ? added.text : '', 0o644);
  }
  t.match(
    check()
      .filter(({ state }) => state === 'wrong')
      .map(({ found }) => found),
    places.map(() => /^installed in .*home.* too/),
  );
  t.end();
});

t.test('a link is never written through, and a broken file is left as it is', async (t) => {
  const { repository, env } = temporary(t);
  const elsewhere = mkdtempSync(join(tmpdir(), 'muse-bus-elsewhere-'));
  t.teardown(() => {
    rmSync(elsewhere, { recursive: true });
  });
  symlinkSync(elsewhere, join(repository.root, '.claude'));
  writeFileSync(join(elsewhere, 'mcp.json'), '{}');
  symlinkSync(join(elsewhere, 'mcp.json'), join(repository.root, '.mcp.json'));
  mkdirSync(join(repository.root, '.codex'));
  writeFileSync(join(repository.root, '.codex', 'hooks.json'), '{ broken');
  for (const name of ['claude-code', 'mcp', 'codex']) {
    const { exit, errors } = await hooks(repository, ['install', name, '--yes'], env);
    t.equal(exit, 1, name);
    t.match(errors, /is left as it is/, name);
  }
  t.notOk(existsSync(join(elsewhere, 'settings.json')));
  t.equal(readFileSync(join(elsewhere, 'mcp.json'), 'utf8'), '{}');
  t.equal(readFileSync(join(repository.root, '.codex', 'hooks.json'), 'utf8'), '{ broken');
});

t.test('a file that is not UTF-8 is not read as one, because its text would be lost', (t) => {
  const { repository } = temporary(t);
  const path = join(repository.root, 'settings.json');
  writeFileSync(path, Buffer.from('{"name":"Ren\xe9"}', 'latin1'));
  t.throws(() => readSettingsFile(repository.root, path), { message: /it is not UTF-8$/ });
  t.end();
});

t.test('the guard is put where git runs it, also in a linked working tree, and where husky does', async (t) => {
  const { repository } = temporary(t);
  const { root } = repository;
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  git('init', '-q', '-b', 'main');
  git('commit', '-q', '--allow-empty', '-m', 'begin');
  const tree = join(root, 'tree');
  git('worktree', 'add', '-q', tree);
  const place = INSTALL_PLACES.git;
  const written = (from: string): string => {
    const path = place.path(from);
    const file = readSettingsFile(place.within!(from), path);
    const edit = place.add(file.text, PLAIN, path);
    if (edit.is !== 'changed') throw new Error(edit.is);
    writeSettingsFile(place.within!(from), file, edit.text, place.mode);
    return path;
  };
  t.equal(written(tree), join(root, '.git/hooks/pre-commit'), 'that of all working trees');

  git('config', 'core.hooksPath', '.husky/_');
  mkdirSync(join(root, '.husky/_'), { recursive: true });
  writeFileSync(join(root, '.husky/pre-commit'), 'npm test\n');
  t.equal(written(root), join(root, '.husky/pre-commit'), 'and not what husky makes anew');
  const text = readFileSync(join(root, '.husky/pre-commit'), 'utf8');
  t.match(text, /^# muse-bus: begin\n[^]*# muse-bus: end\nnpm test\n$/);
  t.same(place.remove(text), { is: 'changed', text: 'npm test\n' });

  git('config', 'core.hooksPath', tmpdir());
  t.throws(() => written(root), /is left as it is: .* leads to/, 'hooks of all repositories are not this one’s');
});

t.test('what hooks refuses', async (t) => {
  const { repository } = temporary(t);
  t.match((await hooks(repository, ['install', 'cluade-code'])).errors, /did you mean claude-code/);
  t.match((await hooks(repository, ['install', 'git'])).errors, /not a working tree of git/);
  t.match((await hooks(repository, ['install', 'mcp', '--program', 'a; muse-bus'])).errors, /in plain words/);
});

t.test('the guard keeps back a commit of what another run holds, and no other', async (t) => {
  const { repository, env } = temporary(t);
  const { root } = repository;
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
  const git = (args: readonly string[], more: NodeJS.ProcessEnv = {}): string =>
    execFileSync('git', [...identity, ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, NODE_OPTIONS: '', ...env, ...more },
    });
  const refused = (args: readonly string[], more: NodeJS.ProcessEnv = {}): string => {
    try {
      git(args, more);
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
    throw new Error('it was committed');
  };
  const billing = (total: string, discount: string): void => {
    const text = `def compute_total(items):\n    return ${total}\n\n\ndef apply_discount(total):\n    return ${discount}\n`;
    writeFileSync(join(root, 'billing.py'), text);
  };
  git(['init', '-q', '-b', 'main']);
  writeFileSync(join(root, '.gitignore'), '.muse\n');
  mkdirSync(join(root, '.git', 'hooks'), { recursive: true });
  writeFileSync(join(root, '.git', 'hooks', 'pre-commit'), '#!/bin/sh\necho checked >> checked.log\n');
  chmodSync(join(root, '.git', 'hooks', 'pre-commit'), 0o755);
  billing('0', '0');
  git(['add', '.']);
  git(['commit', '-qm', 'begin']);
  t.equal((await hooks(repository, ['install', 'git', '--yes'], env)).exit, 0);

  const reserve = (id: string, run_id: string, symbol: string): void =>
    repository.rename('reservation', id, {
      run_id,
      branch: 'main',
      addresses: [`billing.py::${symbol}`],
      expires_at: inFuture(120_000),
    });
  reserve('theirs', 'agent-42', 'compute_total');
  billing('1', '0');
  git(['add', '.']);
  const told = refused(['commit', '-qm', 'total']);
  t.match(told, /this commit was stopped.*"run_id":"agent-42".*--no-verify/s);
  git(['commit', '-qm', 'total'], { MUSE_RUN_ID: 'agent-42' });
  t.match(readFileSync(join(root, 'checked.log'), 'utf8'), /checked\n/, 'what was there before still runs');

  reserve('own', 'agent-7', 'apply_discount');
  billing('1', '2');
  git(['add', '.']);
  git(['commit', '-qm', 'discount'], { MUSE_RUN_ID: 'agent-7' });
  billing('3', '2');
  git(['add', '.']);
  t.match(refused(['commit', '-qm', 'total'], { MUSE_RUN_ID: 'agent-7' }), /was stopped/, 'the symbol of the other');
});
