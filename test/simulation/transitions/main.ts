import { lives, type LivesReport } from '../lives.js';
import { STATE_TABLES } from './state-tables.js';

/** Counts the transitions in lives. Arguments: `FIRST_SEED MAX_LIVES MAX_SECONDS [json]`. Works only in a patched bundle. */
const [firstSeed = 1, maxLives = 1, maxSeconds = Infinity] = process.argv.slice(2, 5).map(Number);
const isJson = process.argv[5] === 'json';

const counts = new Map<string, number>();
globalThis.transitionSeen = (table, transition) => {
  const key = `${table} ${transition}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
let told = 0;
const lived = ({ lives: count, found }: LivesReport): void => {
  for (const { seed, violation } of found.slice(told))
    console.error(`seed ${seed} violates '${violation.rule}': ${violation.why}`);
  told = found.length;
  if (count % 100 === 0) console.error(`${count} lives`);
};
const report = await lives({ firstSeed, maxLives, maxSeconds, untilViolation: false, withTraits: [], lived });

const all = STATE_TABLES.flatMap(({ name, transitions }) =>
  transitions.map((each) => ({ name, transition: each, count: counts.get(`${name} ${each}`) ?? 0 })),
);
const known = new Set(all.map(({ name, transition }) => `${name} ${transition}`));
// A transition that no table here knows of: the product's table has grown, or a state stays as it is.
const unlisted = [...counts.keys()].filter((key) => !known.has(key) && !staysIn(key));
console.log(`| table | state | event | becomes | times in ${report.lives} lives |\n| --- | --- | --- | --- | ---: |`);
for (const { name, transition, count } of all)
  console.log(`| ${name} | ${transition.replaceAll(' ', ' | ')} | ${count === 0 ? '**never**' : count} |`);
const never = all.filter(({ count }) => count === 0).map(({ name, transition }) => `${name} ${transition}`);
console.log(`\n${never.length} were never seen, and ${report.found.length} lives violate a rule`);
for (const key of unlisted) console.log(`not in the tables: ${key}`);
if (isJson) {
  const { lives: count, found } = report;
  const seen = Object.fromEntries(all.map(({ name, transition, count }) => [`${name} ${transition}`, count]));
  console.log(
    JSON.stringify({ lives: count, violations: found.length, transitions: all.length, never, unlisted, seen }),
  );
}

/** Whether an event has changed nothing. */
function staysIn(key: string): boolean {
  const [, from, , to] = key.split(' ');
  return from === to;
}
