import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverArgv, type Bench } from './bench.js';
import { withChildren } from './child.js';
import { formatNumber } from './format-number.js';
import { withRepository, type Repository } from './repository.js';
import { alternate, type Side } from './rounds.js';
import { BARE, bareSide, MUSE_BUS, percentilesOf, STARTS_PER_ROUND, timesOf } from './starts.js';
import { atMost } from './target.js';

/** So many intents, tasks, claims and dependencies each; and so many reservations. */
const OF_EACH_KIND = 1_000;
const RUN = 'run-1';

const HELD_FILE = 'src/held.py';

const edit = (file: string): object => ({ tool_name: 'Write', tool_input: { file_path: file, content: '' } });
const CALLS: Readonly<Record<string, object>> = {
  'before an edit that nobody minds': { hook_event_name: 'PreToolUse', ...edit('src/own.py') },
  'before an edit that is denied': { hook_event_name: 'PreToolUse', ...edit(HELD_FILE) },
  'after a tool that reads': { hook_event_name: 'PostToolUse', tool_name: 'Read', tool_input: {} },
};

/** Measures how long a harness waits for the hook, from the start of its process to its end. */
export const hook: Bench = async (options) => {
  const outcome = await withRepository(4 * OF_EACH_KIND, async (repository) => {
    reserve(repository);
    return withChildren(async (start) => {
      await start('programs/bus', { root: repository.root }, serverArgv(options));
      const sides = [
        bareSide(repository.root),
        ...Object.entries(CALLS)
          .filter(([name]) => name.includes(options.only))
          .map(([name, call]): Side<readonly number[]> => {
            const input = JSON.stringify({ session_id: 'bench', cwd: repository.root, ...call });
            const args = [MUSE_BUS, 'hook', 'claude-code', '--run-id', RUN];
            return { name, run: () => Promise.resolve(timesOf(args, repository.root, input)) };
          }),
      ];
      return alternate(sides, options.rounds, options.note);
    });
  });
  const at = percentilesOf(outcome);
  const own = (name: string): number => at(name, 0.99) - at(BARE, 0.99);
  const names = [...outcome.keys()];
  const rows = names.map((name) => [
    name,
    ...[at(name, 0.5), at(name, 0.99), at(name, 0.5) - at(BARE, 0.5), own(name)].map(formatNumber),
  ]);
  const targets = names
    .filter((name) => name !== BARE)
    .map((name) => atMost(`own time of the hook, p99, ${name}`, 30, own(name), ' ms'));
  return { tables: [{ ...TABLE, rows }], targets, raw: Object.fromEntries(outcome) };
};

function reserve(repository: Repository): void {
  const expires_at = new Date(Date.now() + 86_400_000).toISOString();
  for (let i = 0; i < OF_EACH_KIND; i++) {
    const addresses = [i === 0 ? HELD_FILE : `src/module_${String(i % 97)}.py::function_${String(i)}`];
    const data = { run_id: `run-${String((i % 50) + 2)}`, branch: 'main', addresses, expires_at };
    writeFileSync(join(repository.directory('reservations'), `r${String(i)}.json`), JSON.stringify(data));
  }
}

const TABLE = {
  title: 'How long a harness waits for the hook',
  columns: ['', 'p50 ms', 'p99', 'p50 above bare Node', 'p99 above bare Node'],
  notes: [
    `From the start of the process to its end, all rounds together; ${String(STARTS_PER_ROUND)} starts a round, one after another.`,
    `A bus with ${String(OF_EACH_KIND)} reservations, intents, tasks, claims and dependencies each.`,
  ],
};
