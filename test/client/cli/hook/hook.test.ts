import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { MUSE_BUS } from '../../../support/command.js';
import { inFuture } from '../../../support/leases.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { TemporaryRepository } from '../../../support/temporary-repository.js';
import { faultOf } from './answer-schemas.js';
import { claudeCode, codex, PATCH } from './hook-inputs.js';

interface Answered {
  readonly exitCode: number | null;
  readonly json: { readonly hookSpecificOutput?: Readonly<Record<string, string>> } | undefined;
  readonly errors: string;
}

/** Runs the hook as a harness does. */
async function run(
  args: readonly string[],
  input: unknown,
  env: NodeJS.ProcessEnv = {},
  { isEnded = true } = {},
): Promise<Answered> {
  const sent = typeof input === 'string' ? input : JSON.stringify(input);
  const child = spawn(process.execPath, [MUSE_BUS, 'hook', ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  if (isEnded) child.stdin.end(sent);
  else child.stdin.write(sent);
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const json = out === '' ? undefined : (JSON.parse(out) as Answered['json']);
  const [, event = ''] = /"hook_event_name":"(\w+)"/.exec(sent) ?? [];
  const fault = exitCode === 0 ? faultOf(args[0]!, event, json) : undefined;
  if (fault !== undefined) throw new Error(`${args[0]!} would not understand ${out}: ${fault}`);
  return { exitCode, json, errors };
}

function furnish(t: Test, repository: TemporaryRepository): void {
  t.teardown(() => {
    repository.dispose();
  });
  mkdirSync(join(repository.root, '.git'));
  mkdirSync(join(repository.root, 'src'));
  writeFileSync(join(repository.root, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(repository.root, 'src', 'billing.py'), 'def compute_total(): ...\n');
  reserve(repository, 'theirs', 'agent-42', ['src/billing.py::compute_total']);
}

function reserve(
  repository: TemporaryRepository,
  id: string,
  run_id: string,
  addresses: string[],
  branch = 'main',
): void {
  repository.rename('reservation', id, { run_id, branch, addresses, expires_at: inFuture(60_000) });
}

const write = (repository: TemporaryRepository, path: string, fields: object = {}): object =>
  claudeCode('PreToolUse', {
    tool_name: 'Edit',
    tool_input: { file_path: join(repository.root, path), old_string: 'x', new_string: 'y' },
    cwd: repository.root,
    ...fields,
  });

async function served(t: Test): Promise<ServedRepository> {
  const repository = new ServedRepository();
  furnish(t, repository);
  await repository.start();
  t.teardown(() => repository.server.stop());
  return repository;
}

function unserved(t: Test): TemporaryRepository {
  const repository = new TemporaryRepository();
  furnish(t, repository);
  return repository;
}

t.test('that a run holds a file itself does not prove that nobody else does', async (t) => {
  const repository = await served(t);
  reserve(repository, 'own', 'me', ['src/mine.py']);
  const silent = await run(['claude-code', '--run-id', 'me'], write(repository, 'src/mine.py'));
  t.equal(silent.json, undefined);
  const reservations = repository.dir.of('reservation');
  renameSync(reservations, `${reservations}-before`);
  symlinkSync(`${reservations}-before`, reservations);
  const said = await run(['claude-code', '--run-id', 'me'], write(repository, 'src/mine.py'));
  t.match(said.json?.hookSpecificOutput?.['additionalContext'], /is unknown/);
});

for (const [name, make] of [
  ['a server', served],
  ['the files alone', unserved],
] as const) {
  t.test(`with ${name}, the edit of what another run holds is denied, and others are not decided about`, async (t) => {
    const repository = await make(t);
    const denied = await run(['claude-code'], write(repository, 'src/billing.py'));
    t.equal(denied.exitCode, 0, denied.errors);
    t.equal(denied.json?.hookSpecificOutput?.['permissionDecision'], 'deny');
    t.match(denied.json?.hookSpecificOutput?.['permissionDecisionReason'], /"run_id":"agent-42"/);
    const free = await run(['claude-code'], write(repository, 'src/other.py'));
    t.same(free, { exitCode: 0, json: undefined, errors: '' });
    const own = await run(['claude-code', '--run-id', 'agent-42'], write(repository, 'src/billing.py'));
    t.same(own, { exitCode: 0, json: undefined, errors: '' }, 'the holder itself');
    const named = await run(['claude-code'], write(repository, 'src/billing.py'), { MUSE_RUN_ID: 'agent-42' });
    t.equal(named.json, undefined, 'by MUSE_RUN_ID');
  });

  t.test(`with ${name}, reservations that cannot be seen are unknown, and the setting decides`, async (t) => {
    const repository = await make(t);
    // A linked directory does not belong to the repository.
    const reservations = repository.dir.of('reservation');
    renameSync(reservations, `${reservations}-before`);
    symlinkSync(`${reservations}-before`, reservations);
    const said = await run(['claude-code'], write(repository, 'src/other.py'));
    t.match(said.json?.hookSpecificOutput?.['additionalContext'], /is unknown: /);
    t.equal(said.json?.hookSpecificOutput?.['permissionDecision'], undefined);
    const denied = await run(['claude-code', '--when-unknown=deny'], write(repository, 'src/other.py'));
    t.equal(denied.json?.hookSpecificOutput?.['permissionDecision'], 'deny');
  });

  t.test(`with ${name}, a lease on another branch is a merge risk, and is not denied`, async (t) => {
    const repository = await make(t);
    reserve(repository, 'elsewhere', 'agent-9', ['src/other.py'], 'feature/x');
    const { json } = await run(['claude-code'], write(repository, 'src/other.py'));
    t.match(json?.hookSpecificOutput?.['additionalContext'], /meet in the merge.*"agent-9"/s);
    t.equal(json?.hookSpecificOutput?.['permissionDecision'], undefined);
  });
}

t.test('an input is whole without an end of it, and a path in it may be a url', async (t) => {
  const repository = unserved(t);
  const { href } = pathToFileURL(join(repository.root, 'src/billing.py'));
  const input = write(repository, '', { tool_input: { file_path: href } });
  const { json } = await run(['claude-code'], input, {}, { isEnded: false });
  t.equal(json?.hookSpecificOutput?.['permissionDecision'], 'deny');
});

t.test('every file of a patch counts, from the working directory on', async (t) => {
  const repository = await served(t);
  const { json } = await run(
    ['codex'],
    codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: PATCH }, cwd: repository.root }),
  );
  t.equal(json?.hookSpecificOutput?.['permissionDecision'], 'deny');
});

t.test('a link to a held file is that file', async (t) => {
  const repository = await served(t);
  symlinkSync('billing.py', join(repository.root, 'src', 'alias.py'));
  const { json } = await run(['claude-code'], write(repository, 'src/alias.py'));
  t.equal(json?.hookSpecificOutput?.['permissionDecision'], 'deny');
});

t.test('a linked working tree of git belongs to its repository, with a branch of its own', async (t) => {
  const repository = await served(t);
  const tree = mkdtempSync(join(tmpdir(), 'muse-bus-tree-'));
  t.teardown(() => {
    rmSync(tree, { recursive: true });
  });
  const git = join(repository.root, '.git', 'worktrees', 'tree');
  mkdirSync(git, { recursive: true });
  writeFileSync(join(git, 'HEAD'), 'ref: refs/heads/feature\n');
  writeFileSync(join(tree, '.git'), `gitdir: ${git}\n`);
  const input = claudeCode('PreToolUse', {
    tool_name: 'Write',
    tool_input: { file_path: join(tree, 'src/billing.py'), content: '' },
    cwd: tree,
  });
  const { json } = await run(['claude-code'], input);
  t.match(json?.hookSpecificOutput?.['additionalContext'], /meet in the merge/);
});

t.test('where there is no Muse, and for files outside of the repository, the hook is silent', async (t) => {
  const repository = unserved(t);
  const elsewhere = mkdtempSync(join(tmpdir(), 'muse-bus-no-muse-'));
  t.teardown(() => {
    rmSync(elsewhere, { recursive: true });
  });
  const silent = { exitCode: 0, json: undefined, errors: '' };
  t.same(await run(['claude-code'], write(repository, 'src/other.py', { cwd: elsewhere })), silent);
  const outside = { tool_input: { file_path: join(elsewhere, 'a.py'), content: '' }, tool_name: 'Write' };
  t.same(await run(['claude-code'], write(repository, 'x', outside)), silent);
});

t.test('a file counts in the repository that it lies in, wherever its agent works', async (t) => {
  const repository = await served(t);
  const other = unserved(t);
  const inner = join(other.root, 'vendor');
  mkdirSync(join(inner, '.muse/coordination/reservations'), { recursive: true });
  const theirs = { run_id: 'agent-7', addresses: ['x.py'], expires_at: inFuture(60_000) };
  writeFileSync(join(inner, '.muse/coordination/reservations/r1.json'), JSON.stringify(theirs));
  const above = dirname(repository.root);
  for (const cwd of [above, other.root, join(repository.root, 'src')]) {
    const { json } = await run(['claude-code'], write(repository, 'src/billing.py', { cwd }));
    t.match(json?.hookSpecificOutput?.['permissionDecisionReason'], /"run_id":"agent-42"/, cwd);
  }
  const { json } = await run(['claude-code'], write(other, 'vendor/x.py'));
  t.match(json?.hookSpecificOutput?.['permissionDecisionReason'], /"run_id":"agent-7"/, 'one that lies in another');
  const patch = [
    '*** Begin Patch',
    ...[join(repository.root, 'src/billing.py'), join(inner, 'x.py')].flatMap((path) => [
      `*** Add File: ${path}`,
      '+x',
    ]),
    '*** End Patch',
  ].join('\n');
  const both = await run(
    ['codex'],
    codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: patch }, cwd: above }),
  );
  t.match(both.json?.hookSpecificOutput?.['permissionDecisionReason'], /"agent-42"[^]*"agent-7"/, 'both are asked');
});

t.test(
  'the bus of another repository, and one that cannot be found, are unknown before an edit and silent after',
  async (t) => {
    const other = await served(t);
    const repository = unserved(t);
    const ofOther = join(other.root, '.muse/bus/endpoint.json');
    for (const [file, why] of [
      [ofOther, /MUSE_BUS_ENDPOINT names the bus of .*, and the file is in /],
      [join(repository.root, 'missing.json'), /missing\.json, which MUSE_BUS_ENDPOINT names/],
    ] as const) {
      const env = { MUSE_BUS_ENDPOINT: file };
      const said = await run(['claude-code'], write(repository, 'src/billing.py'), env);
      t.match(said.json?.hookSpecificOutput?.['additionalContext'], why);
      const after = claudeCode('PostToolUse', { tool_name: 'Read', tool_input: {}, cwd: repository.root });
      t.same(await run(['claude-code'], after, env), { exitCode: 0, json: undefined, errors: '' });
    }
    const own = await run(['claude-code'], write(other, 'src/billing.py'), { MUSE_BUS_ENDPOINT: ofOther });
    t.equal(own.json?.hookSpecificOutput?.['permissionDecision'], 'deny', 'in its own repository it is believed');
  },
);

t.test('a denial stands where the session cannot be remembered', async (t) => {
  const repository = unserved(t);
  const file = join(repository.root, 'no-directory');
  writeFileSync(file, '');
  const { json, errors } = await run(['claude-code'], write(repository, 'src/billing.py'), { XDG_STATE_HOME: file });
  t.equal(json?.hookSpecificOutput?.['permissionDecision'], 'deny');
  t.match(errors, /^the hook cannot remember this session: /);
});

t.test('a bus or a repository that a setting names and that is not there is unknown', async (t) => {
  const repository = unserved(t);
  const missing = join(tmpdir(), 'muse-bus-missing');
  for (const env of [{ MUSE_BUS_ENDPOINT: missing }, { MUSE_BUS_ROOT: missing }]) {
    // As PowerShell pipes it, with a mark of the encoding.
    const input = `\uFEFF${JSON.stringify(write(repository, 'src/billing.py'))}`;
    const { json, errors } = await run(['claude-code', '--when-unknown', 'deny'], input, env);
    t.equal(json?.hookSpecificOutput?.['permissionDecision'], 'deny', errors);
    t.match(json?.hookSpecificOutput?.['permissionDecisionReason'], /is unknown: .*missing/);
  }
});

t.test('what cannot be read stops nothing, unless that is wanted', async (t) => {
  for (const input of ['', 'no json', '[]']) {
    const passed = await run(['claude-code'], input);
    t.equal(passed.exitCode, 1);
    t.match(passed.errors, /^muse-bus hook claude-code: /);
    t.equal((await run(['claude-code', '--when-unknown', 'deny'], input)).exitCode, 2);
  }
  t.match((await run(['emacs'], '{}')).errors, /one of claude-code, codex, cursor, git/);
  t.match((await run(['codex', '--when-unknown', 'maybe'], '{}')).errors, /pass or deny, got maybe/);
  t.match((await run(['codex', '--run', 'x'], '{}')).errors, /--run/);
});
