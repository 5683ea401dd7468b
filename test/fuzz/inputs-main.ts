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

/** `ATTACK SEED LIVES SECONDS`: says the seed of each life before it begins, so that whoever started this knows which was the last. */
const [attack = '', seed = '', lives = '', seconds = ''] = process.argv.slice(2);
const live = LIVES[attack as InputAttack];
const until = performance.now() + Number(seconds) * 1_000;
for (let life = 0; life < Number(lives) && performance.now() < until; life++) {
  const own = (Number(seed) + Math.imul(life, 0x9e3779b1)) >>> 0;
  writeSync(1, `${String(own)}\n`);
  await live(new Random(own));
}
// What LMDB still holds open is nobody's concern.
process.exit(0);
