import { parseArgs } from 'node:util';
import { fuzz } from './run.js';

/** The long form: see docs/FUZZING.md. */
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    files: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    transport: { type: 'string', default: 'uws' },
    /** The bystander's slowest event may take this long. */
    'worst-ms': { type: 'string', default: '2000' },
  },
});
const plan = {
  messages: Number(values.messages),
  files: Number(values.files),
  seed: Number(values.seed),
  transport: values.transport === 'ws' ? 'ws' : 'uws',
} as const;
const report = await fuzz(plan);
console.log(JSON.stringify({ plan, ...report }, null, 2));
const { bystander, errors, serverDied, differences } = report;
const isGood =
  !serverDied &&
  !bystander.disconnected &&
  errors.length === 0 &&
  differences.length === 0 &&
  bystander.seen === bystander.written &&
  bystander.astray === 0 &&
  bystander.worst <= Number(values['worst-ms']);
process.exitCode = isGood ? 0 : 1;
