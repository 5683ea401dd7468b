import { keptSeeds } from '../kept-seed.js';
import { live } from '../life.js';

/** Lives one kept life: `node kept-life.mjs ROOT NAME`. Its last line is that of the simulator, as far as a planted fault is looked for. */
const [, , root = '', name = ''] = process.argv;
const kept = keptSeeds(root).get(name);
if (!kept) throw new Error(`no life is kept as '${name}'`);
const { plan } = kept;
const { violation } = await live(plan);
const violating = violation ? [{ seed: plan.seed, rule: violation.rule }] : [];
process.stdout.write(`${JSON.stringify({ lives: 1, processor_seconds: process.cpuUsage().user / 1e6, violating })}\n`);
