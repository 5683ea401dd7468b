import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PLANTED_FAULTS } from './planted-faults.js';
import { look } from './planted-run.js';
import { bundle, patched, PatchError } from './planting.js';
import { WATCHED } from '../transitions/state-tables.js';

const ROOT = new URL('../../../', import.meta.url).pathname;
const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** A few that any life shows: all of them take `npm run simulate -- --planted`. */
const QUICK = ['no time to settle', 'leases end one second early', 'a file that was read stays open'];
const MAX_SECONDS = 60;

t.test('each planted fault still matches what it undoes', async (t) => {
  t.ok(PLANTED_FAULTS.length >= 40);
  t.equal(new Set(PLANTED_FAULTS.map(({ name }) => name)).size, PLANTED_FAULTS.length, 'names are their own');
  for (const fault of PLANTED_FAULTS)
    for (const patch of [fault, ...(fault.also ?? [])])
      t.not(patched(source(patch.file), patch), source(patch.file), fault.name);
  for (const watched of WATCHED) t.ok(patched(source(watched.file), watched), watched.file);
});

t.test('a patch that matches nothing, or too much, is refused', async (t) => {
  const patch = { file: 'a.ts', find: 'one', replace: 'two' };
  t.throws(() => patched('none', { ...patch, find: 'x' }), { constructor: PatchError, message: /found 0 times/ });
  t.throws(() => patched('one one', patch), { constructor: PatchError, message: /found 2 times/ });
});

for (const name of QUICK) {
  t.test(`lives find: ${name}`, async (t) => {
    const fault = PLANTED_FAULTS.find((each) => each.name === name)!;
    const result = await look(ROOT, fault, MAX_SECONDS);
    t.equal(result.is, 'found');
    t.ok(result.is === 'found' && fault.rules.includes(result.rule), 'by a rule that is there for it');
  });
}

t.test('two processes live the same life', async (t) => {
  const file = await bundle(ROOT, 'plain', []);
  const traces = [1, 2].map(() => {
    const { stdout } = spawnSync(process.execPath, [file, '--seed', '3', '--lives', '1', '--json'], {
      encoding: 'utf8',
    });
    const { trace, violations } = JSON.parse(stdout.trim()) as { trace: string; violations: number };
    t.equal(violations, 0);
    return trace;
  });
  t.match(traces[0], /^[0-9a-f]{16}$/);
  t.equal(traces[0], traces[1]);
});
