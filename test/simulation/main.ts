import { live } from './life.js';
import { planOf } from './world/plan.js';

const [first = '1', count = '1', verbose] = process.argv.slice(2);
const from = Number(first);
const started = performance.now();
for (let seed = from; seed < from + Number(count); seed++) {
  const plan = planOf(seed);
  const result = await live(plan, verbose !== undefined);
  const { violation, trace, steps, tally } = result;
  if (verbose !== undefined) console.log(result.story.join('\n'));
  if (violation || Number(count) < 20)
    console.log(
      seed,
      trace,
      steps,
      JSON.stringify(tally),
      violation ? `${violation.rule} @${violation.atMs.toFixed(1)}: ${violation.why}` : 'ok',
      violation
        ? [...plan.faults, ...(plan.relay?.faults ?? [])]
            .map(({ kind, atMs, forMs }) => `${kind}@${atMs}+${forMs}`)
            .join(' ')
        : '',
    );
}
console.log(((performance.now() - started) / Number(count)).toFixed(1), 'ms a life');
