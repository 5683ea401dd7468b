import { readFileSync } from 'node:fs';
import t from 'tap';
import { buildInputs, fuzzInputs, INPUT_ATTACKS } from './inputs.js';

const kept = JSON.parse(readFileSync('test/fuzz/seeds.json', 'utf8')) as Record<string, readonly number[]>;

t.before(() => {
  buildInputs();
});

for (const attack of INPUT_ATTACKS) {
  const fresh = Math.floor(Math.random() * 2 ** 32);
  t.test(
    `each input of ${attack} is read or refused with an error of ours, and crashes nothing (seed ${String(fresh)})`,
    async (t) => {
      for (const seed of kept[attack]!) {
        t.equal((await fuzzInputs({ attack, seed, lives: 1, seconds: 20 })).failure, undefined, `seed ${String(seed)}`);
      }
      t.equal((await fuzzInputs({ attack, seed: fresh, lives: 1_000, seconds: 1.5 })).failure, undefined, 'new ones');
    },
  );
}
