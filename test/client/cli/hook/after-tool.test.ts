import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { changedBetween, changedPaths } from '../../../../client/cli/hook/changed-files.js';
import { digestOf, notesAfter, type DigestItem, type DigestNotes } from '../../../../client/cli/hook/digest.js';
import { digestText } from '../../../../client/cli/hook/digest-text.js';
import { readNotes } from '../../../../client/cli/hook/session-notes.js';
import { SessionMemory } from '../../../../server/repository/index.js';
import { MUSE_BUS } from '../../../support/command.js';
import { inFuture } from '../../../support/leases.js';
import { WorkingTree } from '../../../support/git.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { claudeCode } from './hook-inputs.js';

/** A served repository of git with two files, and the hook as a harness runs it after each tool. */
async function workplace(t: Test) {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  const { root } = repository;
  const tree = new WorkingTree(root);
  const write = (path: string, text: string): void => {
    tree.write(path, text);
  };
  write('src/a.py', 'a\n');
  write('src/b.py', 'b\n');
  tree.commit();
  await repository.start();
  const reserve = (run_id: string, address: string): void =>
    repository.rename('reservation', run_id, {
      run_id,
      branch: 'main',
      addresses: [address],
      expires_at: inFuture(600_000),
    });
  const after = (tool_name: string, tool_input: object): Promise<string> =>
    told(claudeCode('PostToolUse', { tool_name, tool_input, cwd: root, session_id: 'a-session' }));
  const call = (event: string, fields: object = {}, env: NodeJS.ProcessEnv = {}): Promise<string> =>
    told(claudeCode(event, { cwd: root, session_id: 'a-session', ...fields }), env);
  return { root, repository, write, reserve, shell: () => after('Bash', { command: 'make' }), after, call };
}

interface Answer {
  readonly hookSpecificOutput: Readonly<Record<string, string>>;
  readonly reason: string;
}

async function told(input: object, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn(process.execPath, [MUSE_BUS, 'hook', 'claude-code', '--run-id', 'me'], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(JSON.stringify(input));
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  if (exitCode !== 0) throw new Error(errors);
  if (out === '') return '';
  const { hookSpecificOutput, reason } = JSON.parse(out) as Partial<Answer>;
  return reason ?? hookSpecificOutput!['additionalContext'] ?? hookSpecificOutput!['permissionDecisionReason']!;
}

t.test('what a command changes without a lease is said, each file once', async (t) => {
  const { write, shell, reserve } = await workplace(t);
  t.equal(await shell(), '', 'the first look says nothing');
  write('src/a.py', 'longer\n');
  write('src/new.py', 'new\n');
  const first = await shell();
  t.match(first, /changed without a lease of yours/);
  t.match(first, '{"why":"no-lease","files":["src/a.py","src/new.py"]}');
  t.equal(await shell(), '', 'nothing has changed since');
  write('src/a.py', 'longer again\n');
  t.equal(await shell(), '', 'it was said before');
  reserve('me', 'src/b.py');
  write('src/b.py', 'mine\n');
  t.equal(await shell(), '', 'a file that the run holds');
});

t.test('that a command has changed what another run holds is said every time', async (t) => {
  const { write, shell, reserve } = await workplace(t);
  await shell();
  reserve('agent-42', 'src/a.py');
  for (const text of ['one\n', 'two and more\n']) {
    write('src/a.py', text);
    const said = await shell();
    t.match(said, /changed that another run holds/);
    t.match(said, /"why":"held","file":"src\/a.py","run_id":"agent-42"/);
  }
});

t.test('without git, and with names that are no paths, what touches the run is said all the same', async (t) => {
  const { repository, reserve, call } = await workplace(t);
  reserve('me', `src/${'x'.repeat(300)}.py`);
  repository.rename('intent', 'i1', { run_id: 'agent-42', branch: 'main', addresses: [`src/${'x'.repeat(300)}.py`] });
  const fields = { tool_name: 'Bash', tool_input: { command: 'make' } };
  t.match(await call('PostToolUse', fields, { PATH: '' }), /Another run waits for what you have/);
});

t.test('after an edit its own file counts, and is not said again after a command', async (t) => {
  const { root, write, shell, after } = await workplace(t);
  await shell();
  write('src/a.py', 'edited\n');
  t.match(await after('Edit', { file_path: join(root, 'src/a.py'), old_string: 'a' }), '"files":["src/a.py"]');
  t.equal(await shell(), '');
});

t.test('who waits for a lease, and that its file was changed by another, is told once, at the next call', async (t) => {
  const { repository, write, reserve, call, shell, after } = await workplace(t);
  reserve('me', 'src/a.py');
  t.equal(await call('SessionStart'), '', 'nothing touches it');
  repository.rename('intent', 'i1', { run_id: 'agent-42', branch: 'main', addresses: ['src/a.py::f'] });
  write('src/a.py', 'of somebody else\n');
  const said = await after('Read', { file_path: 'src/b.py' });
  t.match(said, /^muse-bus: Another run waits for what you have: release it.* A file that you hold was changed/);
  t.match(said, '{"why":"waited-for","run_id":"agent-42","wanted":"src/a.py::f","your_record":"me"}');
  t.match(said, '{"why":"changed","file":"src/a.py"}');
  t.ok(said.indexOf('written by other agents') < said.indexOf('agent-42'), 'below the label');
  for (const event of ['UserPromptSubmit', 'Stop']) t.equal(await call(event), '', `${event}: it was told`);
  write('src/a.py', 'of the session itself\n');
  t.equal(await shell(), '', 'a command of its own');
});

t.test('what a run was denied is said to be free when it is, and a stop is the moment for that', async (t) => {
  const { root, repository, reserve, call } = await workplace(t);
  reserve('agent-42', 'src/a.py');
  const input = { tool_name: 'Edit', tool_input: { file_path: join(root, 'src/a.py'), old_string: 'a' } };
  t.match(await call('PreToolUse', input), /was stopped/);
  t.equal(await call('UserPromptSubmit'), '', 'it is still held');
  repository.rename('release', 'x1', { run_id: 'agent-42', reservation_id: 'agent-42' });
  t.match(await call('Stop'), /is free: reserve it.*\{"why":"free","address":"src\/a.py"\}/s);
  t.equal(await call('Stop'), '', 'once');
});

t.test('a digest has at most 400 tokens, the most important first, and the rest follows', async (t) => {
  const wait = (n: number) => ({
    run_id: `agent-${String(n)}-${'é'.repeat(60)}`,
    branch: 'main',
    for: 'me',
    same_branch: true,
    by: 'intent' as const,
    record: `i${String(n)}`,
    wanted: `src/${'long/'.repeat(30)}${String(n)}.py`,
    blocked_by: 'r1',
  });
  const now = Date.parse('2026-03-30T15:00:00Z');
  const lease = {
    ...{
      reservation: 'r1',
      run_id: 'me',
      branch: 'main',
      addresses: ['src/a.py'],
      operation: null,
      state: 'live' as const,
    },
    ...{ expires_at: null, effective_expires_at: '2026-03-30T15:01:00.000Z', extended_by: null },
  };
  const situation = {
    ...{ leases: [lease], waiters: Array.from({ length: 9 }, (_, n) => wait(n)), waits: [] },
    ...{ intents: [], conflicts: [], is_complete: true },
  };
  let notes: DigestNotes = { said: [], waits: [] };
  const told: DigestItem['is'][] = [];
  // However long the name of the run is.
  const run = '\u{1f469}'.repeat(2_000);
  for (let call = 0; call < 10; call++) {
    const digest = digestOf(situation, { changed: [], freed: [] }, notes, now);
    const shown = digestText(digest.items, { run, from: 'flag' }, now);
    if (!shown) break;
    t.ok(Buffer.byteLength(shown.text) <= 1_280, `${String(Buffer.byteLength(shown.text))} bytes`);
    told.push(...shown.told.map(({ is }) => is));
    notes = notesAfter(digest, shown.told, situation, notes, now);
  }
  t.same(told, [...Array<string>(9).fill('waited-for'), 'ending']);
});

t.test('while not everything can be seen, no wait is said to be over', async (t) => {
  const blind = { leases: [], waiters: [], waits: [], intents: ['i1'], conflicts: [], is_complete: false };
  const notes = { said: [], waits: [{ record: 'i1', wanted: 'src/a.py' }] };
  const none = { changed: [], freed: [] };
  const unseen = digestOf(blind, none, notes, 0);
  t.same(unseen, { items: [], waits: notes.waits });
  t.same(digestOf({ ...blind, is_complete: true }, none, notes, 0).items, [{ is: 'free', address: 'src/a.py' }]);
  t.same(digestOf({ ...blind, is_complete: true, intents: [] }, none, notes, 0).items, [], 'it waits no more');
});

t.test('what git prints of changed files, and what differs between two looks', async (t) => {
  t.same(changedPaths(' M src/a.py\0?? a b.py\0D  gone.py\0'), ['src/a.py', 'a b.py', 'gone.py']);
  t.same(changedBetween({ a: '1', b: '1', c: '1' }, { a: '1', b: '2', d: '1' }), ['b', 'd']);
});

t.test('notes that cannot be read are forgotten', async (t) => {
  const none = { files: undefined, told: [], held: {}, denied: [], said: [], waits: [] };
  for (const text of [undefined, '', '{', '[]', '{"told":[1]}']) t.same(readNotes(text), none, text ?? 'none');
  t.same(readNotes('{"files":{"a":"1","b":2},"told":["a"]}'), { ...none, files: { a: '1' }, told: ['a'] });
  const waits = [{ record: 'i', wanted: 'src/a.py' }];
  t.same(readNotes(JSON.stringify({ ...none, waits: [...waits, { record: 7 }] })), { ...none, waits });
});

t.test('a session remembers its own, and one that is long over is forgotten', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-root-'));
  const state = mkdtempSync(join(tmpdir(), 'muse-bus-state-'));
  t.teardown(() => {
    for (const path of [root, state]) rmSync(path, { recursive: true });
  });
  const open = (session: string): SessionMemory => {
    const memory = new SessionMemory(root, session, { MUSE_BUS_STATE_DIR: state });
    t.teardown(() => {
      memory.close();
    });
    return memory;
  };
  const now = Date.now();
  open('one').write('1', now);
  t.equal(open('one').read(), '1');
  t.equal(open('two').read(), undefined);
  open('two').write('2', now);
  t.equal(open('one').read(), '1');
  open('three').write('3', now + 8 * 86_400_000);
  t.same([open('one').read(), open('two').read(), open('three').read()], [undefined, undefined, '3']);
});
