import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { RUNS } from '../fault/runs.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

const GUIDES = ['CONTRIBUTING.md', 'docs/adr/README.md', '.github/PULL_REQUEST_TEMPLATE.md'];

t.test('each script and fault run that a guide names exists', async (t) => {
  for (const guide of GUIDES) {
    const text = read(guide);
    for (const [, script] of text.matchAll(/npm run ([a-z:]+)/g))
      t.ok(scripts[script!], `${guide}: npm run ${script!}`);
    for (const [, path] of text.matchAll(/\b(test\/[\w./-]+\.ts)\b/g))
      t.ok(existsSync(join(ROOT, path!)), `${guide}: ${path!}`);
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
      t.ok(existsSync(join(ROOT, dirname(guide), link!)), `${guide}: ${link!}`);
  }
  const [, run] = /npm run test:fault -- ([\w-]+)/.exec(read('CONTRIBUTING.md'))!;
  t.ok(
    RUNS.some(({ name }) => name.includes(run!)),
    `there is a fault run ${run!}`,
  );
});

t.test('each decision is in the list of decisions, with its title', async (t) => {
  const list = read('docs/adr/README.md');
  for (const name of readdirSync(join(ROOT, 'docs/adr')).filter((file) => /^\d/.test(file))) {
    t.ok(list.includes(`(${name})`), name);
    t.match(
      read(`docs/adr/${name}`),
      new RegExp(`^# ${String(Number(name.slice(0, 4)))}\\. .+\\n\\nAccepted`),
      'has its number and state',
    );
  }
});

t.test('the public workflow runs the same as .ci, on each supported Node', async (t) => {
  interface Job {
    readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
    readonly steps: readonly { readonly run?: string }[];
  }
  const { jobs } = parse(read('.github/workflows/ci.yml')) as { jobs: Readonly<Record<string, Job>> };
  const commands = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run }) => run));
  t.ok(commands.includes('.ci/run'));
  const [, packages] = /for package in ([^;]+); do/.exec(read('.ci/run'))!;
  t.ok(
    commands.some((run) => run?.includes(`for package in ${packages!}; do`)),
    'with the same programs',
  );
  const [, versions] = /MUSE_BUS_NODE_VERSIONS:-"([\d ]+)"/.exec(read('.ci/node-matrix'))!;
  t.same(jobs['smoke']!.strategy!.matrix.node, [20, ...versions!.split(' ').map(Number)]);
});

t.test('docs/PLATFORMS.md says of each step how it is known, and each step of the workflow is a script', async (t) => {
  const text = read('docs/PLATFORMS.md');
  const rows = text.split('\n').filter((line) => /^\| [a-zN]/.test(line) && line.split('|').length === 10);
  const [head = '', ...steps] = rows;
  t.match(head, /step/);
  t.ok(steps.length >= 10);
  for (const row of steps)
    for (const cell of row.split('|').slice(2, -1))
      t.ok(['shown', 'emulated', 'by reading', '–'].includes(cell.trim()), `${row}: ${cell}`);
  for (const [, path] of text.matchAll(/`(test\/[\w./-]+\.\w+)`/g)) t.ok(existsSync(join(ROOT, path!)), path!);
  const workflow = read('.github/workflows/platforms.yml');
  for (const [, script] of workflow.matchAll(/npm run ([a-z:]+)/g)) t.ok(scripts[script!], String(script));
  interface Hosts {
    readonly jobs: { readonly hosts: { readonly strategy: { readonly matrix: { readonly os: readonly string[] } } } };
  }
  const { os } = (parse(workflow) as Hosts).jobs.hosts.strategy.matrix;
  for (const each of ['macos', 'windows', 'arm'])
    t.ok(
      os.some((host) => host.includes(each)),
      each,
    );
});
