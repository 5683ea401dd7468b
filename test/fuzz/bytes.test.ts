import { readFileSync } from 'node:fs';
import t from 'tap';
import { TRANSPORTS } from '../support/running-server.js';
import { BYTE_ATTACKS, fuzzBytes } from './bytes.js';

const kept = JSON.parse(readFileSync('test/fuzz/seeds.json', 'utf8')) as Record<string, readonly number[]>;

for (const transport of TRANSPORTS) {
  for (const attack of Object.keys(BYTE_ATTACKS)) {
    const fresh = Math.floor(Math.random() * 2 ** 32);
    for (const seed of [kept[attack]![0]!, fresh]) {
      t.test(`${transport}: no bytes of ${attack} end the server (seed ${String(seed)})`, async (t) => {
        const report = await fuzzBytes({ transport, attack, seed, lives: 300, seconds: 1.5 });
        t.ok(report.isAlive, 'the process still runs', { errors: report.errors });
        t.equal(report.errors, '', 'no unexpected error was logged');
        t.ok(report.isServing, 'the server still serves clients');
      });
    }
  }
}
