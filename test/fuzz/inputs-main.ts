import { writeSync } from 'node:fs';
import { configLife } from './attack-config.js';
import { journalLife } from './attack-journal.js';
import { recordsLife } from './attack-records.js';
import { relayLife } from './attack-relay.js';
import type { InputAttack } from './inputs.js';
import { Random } from './random.js';

const LIVES: Readonly<Record<InputAttack, (random: Random) => Promise<void>>> = {
  records: recordsLife,
  relay: relayLife,
  config: configLife,
  journal: journalLife,
};

/** `ATTACK SEED LIVES SECONDS`: prints the seed of each life before it begins, so that the parent knows which seed crashed it. */
const [attack = '', seed = '', lives = '', seconds = ''] = process.argv.slice(2);
const live = LIVES[attack as InputAttack];
const until = performance.now() + Number(seconds) * 1_000;
for (let life = 0; life < Number(lives) && performance.now() < until; life++) {
  const own = (Number(seed) + Math.imul(life, 0x9e3779b1)) >>> 0;
  writeSync(1, `${String(own)}\n`);
  await live(new Random(own));
}
// LMDB may still hold files open.
process.exit(0);
