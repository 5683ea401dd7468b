import t from 'tap';
import { keptSeeds } from './kept-seed.js';
import { live } from './life.js';

const ROOT = new URL('../../', import.meta.url).pathname;

for (const [name, { shows, plan }] of keptSeeds(ROOT)) {
  t.test(`${name}: ${shows}`, async (t) => {
    const first = await live(plan);
    t.equal(first.violation, undefined);
    const second = await live(plan);
    t.equal(second.trace, first.trace, 'the same life again');
  });
}
