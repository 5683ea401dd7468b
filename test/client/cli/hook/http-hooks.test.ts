import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HttpHooks } from '../../../../client/cli/hook/http-hooks.js';
import { Command, MUSE_BUS } from '../../../support/command.js';
import { inFuture } from '../../../support/leases.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { until } from '../../../support/until.js';
import { claudeCode, codex, cursor, PATCH } from './hook-inputs.js';

const TOKEN = 'x'.repeat(43);

interface Answered {
  readonly status: number;
  readonly text: string;
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Posts as a harness does. */
function post(url: string, body: unknown, { path = '/hooks/claude-code', method = 'POST', headers = {} }: Asked = {}) {
  return new Promise<Answered>((resolve, reject) => {
    const { host } = new URL(url);
    const all = { host, authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers };
    const lines = Object.entries(all).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value]));
    const sent = request(`${url}${path}`, { method, headers: lines }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode!, text });
      });
    });
    sent.on('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** What the command prints for the same input. */
async function printed(args: readonly string[], input: unknown): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '', MUSE_RUN_ID: '' };
  const child = spawn(process.execPath, [MUSE_BUS, 'hook', ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stdin.end(JSON.stringify(input));
  await new Promise((resolve) => child.on('close', resolve));
  return out.trim();
}

async function workplace(t: Test, transport: 'uws' | 'ws') {
  const repository = new ServedRepository({ transport });
  t.teardown(() => repository.stop());
  const { root } = repository;
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: root });
  mkdirSync(join(root, 'src'));
  writeFileSync(join(root, 'src/billing.py'), 'def compute_total(): ...\n');
  await repository.start();
  const hooks = new HttpHooks({ token: TOKEN, warn: (line) => t.comment(line) });
  const url = await hooks.start(0);
  t.teardown(() => hooks.stop());
  return { repository, root, url };
}

const write = (root: string, path: string, session = 's'): Record<string, unknown> => ({
  tool_name: 'Write',
  tool_input: { file_path: join(root, path), content: '' },
  cwd: root,
  session_id: session,
});

/** Without the seconds that pass between two answers. */
const still = (text: string): string => text.replace(/seconds_left\W+\d+/g, 'seconds_left');

for (const transport of ['uws', 'ws'] as const) {
  t.test(`beside a bus over ${transport}, a post is answered as the command answers`, async (t) => {
    const { repository, root, url } = await workplace(t, transport);
    const expires_at = inFuture(600_000);
    repository.rename('reservation', 'r1', { run_id: 'agent-42', addresses: ['src/billing.py'], expires_at });
    const denied = claudeCode('PreToolUse', write(root, 'src/billing.py'));
    const { status, text } = await post(url, denied, { path: '/hooks/claude-code?run_id=me' });
    t.equal(status, 200);
    t.match(JSON.parse(text), { hookSpecificOutput: { permissionDecision: 'deny' } });
    t.equal(still(text), still(await printed(['claude-code', '--run-id', 'me'], denied)));
    const own = await post(url, denied, { path: '/hooks/claude-code?run_id=agent-42' });
    t.strictSame(own, { status: 200, text: '' }, 'nothing to say');

    const patch = codex('PreToolUse', { tool_name: 'apply_patch', tool_input: { command: PATCH }, cwd: root });
    t.match((await post(url, patch, { path: '/hooks/codex' })).text, /"permissionDecision":"deny"/);
    const inCursor = cursor('preToolUse', { ...write(root, 'src/billing.py'), workspace_roots: [root] });
    t.match(JSON.parse((await post(url, inCursor, { path: '/hooks/cursor' })).text), { permission: 'deny' });
  });
}

t.test(
  'after tools and at pauses an agent is told by HTTP what the command would say, once in a session',
  async (t) => {
    const { repository, root, url } = await workplace(t, 'ws');
    const path = '/hooks/claude-code?run_id=me';
    repository.rename('reservation', 'mine', {
      run_id: 'me',
      branch: 'main',
      addresses: ['src/billing.py'],
      expires_at: inFuture(600_000),
    });
    repository.rename('intent', 'i1', { run_id: 'agent-42', branch: 'main', addresses: ['src/billing.py'] });
    const stop = claudeCode('Stop', { cwd: root, session_id: 's' });
    const first = await post(url, stop, { path });
    t.match(JSON.parse(first.text), { decision: 'block', reason: /waits for what you have/ });
    t.strictSame(await post(url, stop, { path }), { status: 200, text: '' });
    const shell = claudeCode('PostToolUse', {
      tool_name: 'Bash',
      tool_input: { command: 'make' },
      cwd: root,
      session_id: 's',
    });
    t.equal((await post(url, shell, { path })).text, '');
    writeFileSync(join(root, 'src/other.py'), 'x\n');
    t.match((await post(url, shell, { path })).text, /changed without a lease of yours/);
  },
);

t.test('only a request with the token, from no page, of a bounded size, is read', async (t) => {
  const { root, url } = await workplace(t, 'ws');
  const input = claudeCode('PreToolUse', write(root, 'src/billing.py'));
  const port = new URL(url).port;
  const cases: readonly [what: string, status: number, asked: Asked, body?: unknown][] = [
    ['no token', 401, { headers: { authorization: '' } }],
    ['another token', 401, { headers: { authorization: `Bearer ${'y'.repeat(43)}` } }],
    ['a page', 403, { headers: { origin: `http://127.0.0.1:${port}` } }],
    ['a name that a page has made its own', 403, { headers: { host: `evil.example:${port}` } }],
    ['two names', 403, { headers: { host: [`127.0.0.1:${port}`, `evil.example:${port}`] } }],
    ['two tokens', 401, { headers: { authorization: [`Bearer ${TOKEN}`, 'Bearer x'] } }],
    ['two types', 415, { headers: { 'content-type': ['application/json', 'text/plain'] } }],
    ['another method', 405, { method: 'PUT' }],
    ['another path', 404, { path: '/hooks/claude' }],
    ['no harness of an agent', 404, { path: '/hooks/git' }],
    ['a form', 415, { headers: { 'content-type': 'text/plain' } }],
    ['a misspelt parameter', 400, { path: '/hooks/claude-code?runid=me' }],
    ['a parameter twice', 400, { path: '/hooks/claude-code?run_id=a&run_id=b' }],
    ['a parameter that is not UTF-8', 400, { path: '/hooks/claude-code?run_id=%ff' }],
    ['an unknown policy', 400, { path: '/hooks/claude-code?when_unknown=stop' }],
    ['no JSON', 400, {}, '{'],
    ['no input of the harness', 400, {}, { tool_name: 'Edit' }],
    ['no directory', 400, {}, { ...input, cwd: undefined }],
    ['a relative directory', 400, {}, { ...input, cwd: '..' }],
    ['too much', 413, {}, `"${'x'.repeat(17 * 2 ** 20)}"`],
  ];
  for (const [what, status, asked, body = input] of cases) {
    const answered = await post(url, body, asked).catch((error: unknown) => error as NodeJS.ErrnoException);
    // The rest of what is too long may be cut off before the answer is read.
    if (answered instanceof Error) t.equal(what, 'too much', String(answered));
    else t.match(answered, { status, text: /^\{"error":"/ }, what);
  }
  t.strictSame(await post(url, input), { status: 200, text: '' }, 'it goes on');
});

t.test('`hooks serve` prints where to post and the token, and ends at a signal', async (t) => {
  const serving = Command.museBus(['hooks', 'serve', '--port', '0']);
  t.teardown(() => {
    serving.kill('SIGKILL');
  });
  await until('it serves', () => serving.lines.length === 2);
  const [place, token] = serving.lines;
  t.match(place, /^http:\/\/127\.0\.0\.1:\d+\/hooks\/claude-code$/);
  t.match(token, /^MUSE_BUS_HOOK_TOKEN=[\w-]{43}$/);
  const headers = { authorization: `Bearer ${token!.split('=')[1]!}` };
  const { origin } = new URL(place!);
  const answered = await post(origin, claudeCode('PreToolUse', { ...write('/', 'a'), cwd: '/' }), { headers });
  t.strictSame(answered, { status: 200, text: '' });
  serving.kill('SIGTERM');
  t.equal(await serving.exit, 0, serving.errors.join('\n'));
  const { root } = await workplace(t, 'ws');
  const beside = Command.museBus(['config', '--json', '--root', root], { env: { MUSE_BUS_HOOK_TOKEN: TOKEN } });
  t.equal(await beside.exit, 0, 'other commands do not take its token for a misspelt setting');
  t.notMatch([...beside.lines, ...beside.errors].join('\n'), /MUSE_BUS_HOOK_TOKEN/);
  const short = Command.museBus(['hooks', 'serve'], { env: { MUSE_BUS_HOOK_TOKEN: 'short' } });
  t.equal(await short.exit, 1);
  t.match(short.errors.join('\n'), /32 to 256/);
});
