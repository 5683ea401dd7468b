import { readScriptArguments } from '../support/script-arguments.js';
import { fuzz } from './run.js';

/** The long form: see docs/FUZZING.md. */
const USAGE = `node test/fuzz/main.js [--messages 1000000] [--files 100000] [--seed N] [--transport uws|ws] [--history 100000] [--worst-ms 2000]\n`;
const { values } = readScriptArguments(USAGE, {
  messages: { type: 'string', default: '1000000' },
  files: { type: 'string', default: '100000' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  transport: { type: 'string', default: 'uws' },
  history: { type: 'string', default: '100000' },
  /** How much longer the control client's slowest event may take than the lag probe's latest timer, in milliseconds. */
  'worst-ms': { type: 'string', default: '2000' },
});
const plan = {
  messages: Number(values.messages),
  files: Number(values.files),
  seed: Number(values.seed),
  transport: values.transport === 'ws' ? 'ws' : 'uws',
  historyEvents: Number(values.history),
} as const;
const report = await fuzz(plan);
console.log(JSON.stringify({ plan, ...report }, null, 2));
const { controlClient, machine, errors, serverDied, differences } = report;
const isGood =
  !serverDied &&
  !controlClient.disconnected &&
  errors.length === 0 &&
  differences.length === 0 &&
  controlClient.seen === controlClient.written &&
  controlClient.astray === 0 &&
  controlClient.worst <= machine.worst + Number(values['worst-ms']);
process.exitCode = isGood ? 0 : 1;
