import { serverArgv, type Bench } from './bench.js';
import { withChildren } from './child.js';
import { formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, type Side } from './rounds.js';
import { BARE, bareSide, MUSE_BUS, percentilesOf, STARTS_PER_ROUND, timesOf } from './starts.js';
import { atMost } from './target.js';

const RECORDS = 1_000;

/** The arguments, and the most that the median may be above that of bare Node, ms. */
const COMMANDS: readonly { readonly args: readonly string[]; readonly target: number }[] = [
  { args: ['--version'], target: 40 },
  { args: ['--help'], target: 90 },
  { args: ['holders', 'src/nobody.py'], target: 80 },
  { args: ['get', 'claims', '--json'], target: 90 },
];

/** Measures how long a person waits for a command while a server runs, from the start of its process to its end. */
export const commands: Bench = async (options) => {
  const chosen = COMMANDS.filter(({ args }) => args.join(' ').includes(options.only));
  const outcome = await withRepository(RECORDS, (repository) =>
    withChildren(async (start) => {
      await start('programs/bus', { root: repository.root }, serverArgv(options));
      const sides = chosen.map(({ args }): Side<readonly number[]> => {
        const run = () => Promise.resolve(timesOf([MUSE_BUS, ...args], repository.root));
        return { name: args.join(' '), run };
      });
      return alternate([bareSide(repository.root), ...sides], options.rounds, options.note);
    }),
  );
  const at = percentilesOf(outcome);
  const own = (name: string): number => at(name, 0.5) - at(BARE, 0.5);
  const rows = [...outcome.keys()].map((name) => [
    name,
    ...[at(name, 0.5), at(name, 0.9), own(name)].map(formatNumber),
  ]);
  const targets = chosen.map(({ args, target }) => {
    const name = args.join(' ');
    return atMost(`own time of \`muse-bus ${name}\`, p50`, target, own(name), ' ms');
  });
  return { tables: [{ ...TABLE, rows }], targets, raw: Object.fromEntries(outcome) };
};

const TABLE = {
  title: 'How long a command takes',
  columns: ['', 'p50 ms', 'p90', 'p50 above bare Node'],
  notes: [
    `From the start of the process to its end, all rounds together; ${String(STARTS_PER_ROUND)} starts a round, one after another.`,
    `A bus with ${String(RECORDS)} records runs beside it. From its second start on, Node 22.1 and later has compiled code of each command.`,
  ],
};
