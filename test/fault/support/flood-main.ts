import { setPriority } from 'node:os';
import { FLOODS, type FloodTarget } from './floods.js';

/** One flood in its own process. Arguments: its name, its target as JSON, its duration in milliseconds. */
const [, , name = '', target = '', ms = '0'] = process.argv;
const flood = FLOODS.find((candidate) => candidate.name === name);
if (!flood) throw new Error(`no such flood: ${name}`);
// The server and the measured client have priority: the run measures the server, not how the kernel shares the cores.
setPriority(10);
setTimeout(() => process.exit(), Number(ms));
await flood.attack(JSON.parse(target) as FloodTarget);
