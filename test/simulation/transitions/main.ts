import { lives, type LivesReport } from '../lives.js';
import { STATE_TABLES } from './state-tables.js';

/** Counts the transitions in lives. Arguments: `FIRST_SEED MAX_LIVES MAX_SECONDS`. Works only in a patched bundle. */
const [firstSeed = 1, maxLives = 1, maxSeconds = Infinity] = process.argv.slice(2).map(Number);

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
const report = await lives({ firstSeed, maxLives, maxSeconds, untilViolation: false, withFaults: [], lived });

let never = 0;
console.log(`| table | state | event | becomes | times in ${report.lives} lives |\n| --- | --- | --- | --- | ---: |`);
for (const { name, transitions } of STATE_TABLES) {
  for (const transition of transitions) {
    const count = counts.get(`${name} ${transition}`) ?? 0;
    if (count === 0) never++;
    console.log(`| ${name} | ${transition.replaceAll(' ', ' | ')} | ${count === 0 ? '**never**' : count} |`);
  }
}
console.log(`\n${never} were never seen, and ${report.found.length} lives violate a rule`);
