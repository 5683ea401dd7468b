import { readFileSync } from 'node:fs';
import { readScriptArguments } from '../support/script-arguments.js';
import { BYTE_ATTACKS, fuzzBytes } from './bytes.js';

/** The long form for bytes: each attack on each engine. The kept seeds come first, then new ones until the time is over. */
const USAGE = 'node test/fuzz/main.js bytes [--seconds 600] [--seed N] [--transport uws|ws]\n';
const { values } = readScriptArguments(USAGE, {
  seconds: { type: 'string', default: '600' },
  seed: { type: 'string' },
  transport: { type: 'string' },
});
const kept = JSON.parse(readFileSync('test/fuzz/seeds.json', 'utf8')) as Record<string, readonly number[]>;
const transports = (['uws', 'ws'] as const).filter((name) => (values.transport ?? name) === name);
const attacks = Object.keys(BYTE_ATTACKS);
const seconds = Number(values.seconds) / (transports.length * attacks.length);
/** A new server starts after this many lives, so that a failure belongs to one seed. */
const LIVES = 20_000;

for (const transport of transports) {
  for (const attack of attacks) {
    const until = performance.now() + seconds * 1_000;
    const waiting = values.seed === undefined ? [...kept[attack]!] : [Number(values.seed)];
    while (performance.now() < until) {
      const seed = waiting.shift() ?? Math.floor(Math.random() * 2 ** 32);
      const left = (until - performance.now()) / 1_000;
      const report = await fuzzBytes({ transport, attack, seed, lives: LIVES, seconds: left });
      console.log(JSON.stringify({ transport, attack, seed, ...report }));
      if (!report.isAlive || report.errors !== '' || !report.isServing) process.exit(1);
    }
  }
}
