import { parseArgs } from 'node:util';
import type { Bench } from './bench.js';
import { fanout } from './fanout.js';
import { filters } from './filters.js';
import { idle } from './idle.js';
import { latency } from './latency.js';
import { relay } from './relay.js';
import { writeReport } from './report.js';
import { slow } from './slow.js';
import { snapshot } from './snapshot.js';
import { storm } from './storm.js';
import { soak } from './soak.js';
import { start } from './start.js';

const BENCHES: Readonly<Record<string, Bench>> = {
  latency,
  fanout,
  filters,
  snapshot,
  start,
  idle,
  slow,
  relay,
  storm,
  soak,
};
/** Too long for a run of everything. */
const ON_DEMAND: readonly string[] = ['soak'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});

const names = positionals.length > 0 ? positionals : Object.keys(BENCHES).filter((name) => !ON_DEMAND.includes(name));
for (const name of names) {
  const bench = BENCHES[name];
  if (!bench) throw new Error(`there is no benchmark ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
  const report = await bench({
    rounds: Number(values.rounds),
    only: values.only,
    profile: values.profile,
    note: (text) => process.stderr.write(`${name}: ${text}\n`),
  });
  const command = ['npm run bench --', name, ...process.argv.slice(2).filter((word) => word !== name)].join(' ');
  process.stdout.write(`${writeReport(name, command, report)}\n`);
}
