import { setPriority } from 'node:os';
import { FLOODS, type FloodTarget } from './floods.js';

/** One flood, from a process of its own: its name, whom it goes to, for how long. */
const [, , name = '', target = '', ms = '0'] = process.argv;
const flood = FLOODS.find((candidate) => candidate.name === name);
if (!flood) throw new Error(`no such flood: ${name}`);
// The server and whoever is measured come first: it is the server's time that is tried, not the kernel's sharing of cores.
setPriority(10);
setTimeout(() => process.exit(), Number(ms));
await flood.attack(JSON.parse(target) as FloodTarget);
