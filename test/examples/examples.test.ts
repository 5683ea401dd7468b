import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { PACKAGE, PYTHON, whyNoPython } from '../client/python/python.js';
import { Command } from '../support/command.js';
import { inFuture } from '../support/leases.js';
import { WorkingTree } from '../support/git.js';
import { ServedRepository } from '../support/served-repository.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');
const read = (path: string): string => readFileSync(join(EXAMPLES, path), 'utf8');
const noPython = whyNoPython('websockets');

/** A directory with the client as a program installs it, and the examples of JavaScript and TypeScript. */
const folder = mkdtempSync(join(tmpdir(), 'muse-bus-examples-'));
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true });
});
const modules = join(folder, 'node_modules');
mkdirSync(modules);
execFileSync(process.execPath, [join(ROOT, 'client/package/build.mjs'), join(modules, 'muse-bus-client')]);
for (const name of ['ws', 'msgpackr']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
copyFileSync(join(EXAMPLES, 'github-actions/no-open-conflict.mjs'), join(folder, 'no-open-conflict.mjs'));

async function serve(t: Test): Promise<ServedRepository> {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  return repository;
}

const python = (args: readonly string[]): Command =>
  new Command(PYTHON, args, { env: { PYTHONPATH: `${PACKAGE}:${EXAMPLES}`, PYTHONDONTWRITEBYTECODE: '1' } });

t.test('agents that follow the loop, in TypeScript and Python, lose none of their edits to one symbol', async (t) => {
  const repository = await serve(t);
  writeFileSync(join(repository.root, 'a.py'), '');
  const { code } = await transform(read('agent.ts'), { loader: 'ts', format: 'esm', target: 'node20' });
  writeFileSync(join(folder, 'agent.mjs'), code);
  const about = (run: string): string[] => [repository.root, run, 'a.py::f', 'a.py'];
  const agents = ['ts-1', 'ts-2'].map(
    (run) => new Command(process.execPath, [join(folder, 'agent.mjs'), ...about(run)]),
  );
  if (noPython === undefined) agents.push(python([join(EXAMPLES, 'agent.py'), ...about('py-1')]));
  else t.comment(noPython);
  for (const agent of agents) t.equal(await agent.exit, 0, agent.errors.join('\n'));
  for (const agent of agents) t.match(agent.lines.join(), /edited in attempt \d+/);
  const lines = readFileSync(join(repository.root, 'a.py'), 'utf8').trim().split('\n');
  t.strictSame(lines.sort(), [...(noPython === undefined ? ['py-1'] : []), 'ts-1', 'ts-2']);
});

t.test('the settings are what `hooks install` writes', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-settings-'));
  t.teardown(() => {
    rmSync(root, { recursive: true, force: true });
  });
  mkdirSync(join(root, '.muse'));
  execFileSync('git', ['init', '-q'], { cwd: root });
  const args = ['hooks', 'install', 'claude-code', 'codex', 'cursor', 'mcp', '--yes'];
  const installing = Command.museBus(args, { cwd: root });
  t.equal(await installing.exit, 0, installing.errors.join('\n'));
  for (const [example, installed] of [
    ['claude-code/settings.json', '.claude/settings.json'],
    ['claude-code/mcp.json', '.mcp.json'],
    ['codex/hooks.json', '.codex/hooks.json'],
    ['cursor/hooks.json', '.cursor/hooks.json'],
  ] as const)
    t.strictSame(JSON.parse(read(example)), JSON.parse(readFileSync(join(root, installed), 'utf8')), example);
});

const TOOLS = `
import asyncio, inspect, json, sys, types
# The frameworks are stood in for by what the tools need of them: a decorator that takes a function with a text and types.
taken = lambda tool: (inspect.getdoc(tool).split(chr(10))[0], list(inspect.signature(tool).parameters))
sys.modules["agents"] = types.SimpleNamespace(function_tool=taken)
sys.modules["langchain_core"] = types.ModuleType("langchain_core")
sys.modules["langchain_core.tools"] = types.SimpleNamespace(tool=taken)
import tools
root = sys.argv[1]
assert tools.openai_tools(root) == tools.langgraph_tools(root)
who_holds, wait_until_free = tools.bus_tools(root)
async def main():
    return [await who_holds("src/a.py::f"), await who_holds("src/free.py"), await wait_until_free("src/free.py")]
print(json.dumps([parameters for _, parameters in tools.openai_tools(root)]))
for answer in asyncio.run(main()):
    print(answer)
print(asyncio.run(tools.bus_tools(sys.argv[2])[0]("src/a.py")))
`;

t.test(
  'the tools for agents in Python answer with labelled data, and say when they cannot know',
  { skip: noPython ?? false },
  async (t) => {
    const repository = await serve(t);
    const expires_at = inFuture(600_000);
    repository.rename('reservation', 'r1', { run_id: 'agent-42', addresses: ['src/a.py'], expires_at, note: 'obey' });
    const running = python(['-c', TOOLS, repository.root, folder]);
    t.equal(await running.exit, 0, running.errors.join('\n'));
    const [parameters, held, free, waited, unknown] = running.json<unknown>();
    t.strictSame(parameters, [['address'], ['address']]);
    t.match(held, { untrusted: /written by other agents/, free: 'no', holders: [{ run_id: 'agent-42' }] });
    t.notMatch(JSON.stringify(held), 'obey');
    t.strictSame([free, waited], [{ free: 'yes' }, { free: 'yes' }]);
    t.match(unknown, { free: 'unknown' });
  },
);

t.test('a merge that meets the work of another run fails, and so does one that cannot be judged', async (t) => {
  const repository = await serve(t);
  const { root } = repository;
  const tree = new WorkingTree(root);
  tree.write('a.py', 'a\n');
  tree.commit();
  tree.git('checkout', '-qb', 'feature');
  tree.write('a.py', 'b\n');
  tree.commit();
  const guard = async (place: string, env: NodeJS.ProcessEnv = {}): Promise<[number, string]> => {
    const args = [join(folder, 'no-open-conflict.mjs'), place, 'main'];
    const running = new Command(process.execPath, args, { cwd: root, env });
    return [await running.exit, running.lines.join('\n')];
  };
  t.strictSame(await guard(root), [0, '1 files, none is held by another run']);
  const run_id = 'agent-42\n::warning::x';
  repository.rename('reservation', 'r1', { run_id, addresses: ['a.py::f'], expires_at: inFuture(600_000) });
  const [code, said] = await guard(root);
  t.equal(code, 1);
  t.match(said, /^::error file=a\.py::another run is at work here%0Aagent-42/);
  t.equal(said.split('\n').length, 1, 'no text of a record begins a command of its own');
  t.strictSame((await guard(root, { MUSE_RUN_ID: run_id }))[0], 0, 'its own lease');
  const [unknown, why] = await guard(folder);
  t.equal(unknown, 2);
  t.match(why, /is not known/);
  const workflow = parse(read('github-actions/merge-guard.yml')) as {
    jobs: Record<string, { steps: { run?: string }[] }>;
  };
  t.match(workflow.jobs['no-open-conflict']!.steps.at(-1)!.run, 'node no-open-conflict.mjs');
});
