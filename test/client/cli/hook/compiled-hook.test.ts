import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import t from 'tap';
import { MUSE_BUS } from '../../../support/command.js';

const FILES = ['main.cjs', 'compile-hook.cjs', 'hook/main.cjs'];
const WORDS = 'muse-bus hook codex';

/** The hook alone, in a directory of its own. */
const cli = mkdtempSync(join(tmpdir(), 'muse-bus-compiled-'));
mkdirSync(join(cli, 'hook'));
for (const file of FILES) copyFileSync(join(dirname(MUSE_BUS), file), join(cli, file));
t.teardown(() => {
  rmSync(cli, { recursive: true });
});

const bundle = join(cli, 'hook/main.cjs');
const compiled = `${bundle}.${process.version}-${process.platform}-${process.arch}`;

/** Returns what the hook says of an input that is no JSON. */
function said(): string {
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawnSync(process.execPath, [join(cli, 'main.cjs'), 'hook', 'codex'], { env, input: 'x', encoding: 'utf8' })
    .stderr;
}

const parts = (): { text: Buffer; code: Buffer; again: Buffer } => {
  const [text, kept] = [readFileSync(bundle), readFileSync(compiled)];
  const middle = text.length + (kept.length - text.length) / 2;
  return { text, code: kept.subarray(text.length, middle), again: kept.subarray(middle) };
};

t.test('a call without compiled code keeps it for the next one, and V8 takes it', (t) => {
  t.match(said(), WORDS);
  const { text, code } = parts();
  const script = new Script(text.toString('latin1'), { filename: 'hook/main.cjs', cachedData: code });
  t.equal(script.cachedDataRejected, false);
  t.notOk(code.includes(cli), 'it names no directory');
  const before = readFileSync(compiled);
  t.match(said(), WORDS);
  t.ok(readFileSync(compiled).equals(before));
  t.end();
});

const damaged: Record<string, (kept: Buffer) => Buffer> = {
  'an empty file': () => Buffer.alloc(0),
  'the text alone': (kept) => kept.subarray(0, parts().text.length),
  'a file cut short': (kept) => kept.subarray(0, kept.length - 1),
  // V8 looks at none of these bytes, and would end the process or run something else.
  'a byte of the code': (kept) => {
    const changed = Buffer.from(kept);
    changed[parts().text.length + 5_000]! ^= 0x55;
    return changed;
  },
  'zeros, as after a power failure': (kept) => Buffer.alloc(kept.length),
};

t.test('compiled code that is damaged is not run, and made anew', (t) => {
  const whole = readFileSync(compiled);
  for (const [how, damage] of Object.entries(damaged)) {
    writeFileSync(compiled, damage(whole));
    t.match(said(), WORDS, how);
    const { text, code, again } = parts();
    t.ok(code.length > 0 && code.equals(again) && text.equals(readFileSync(compiled).subarray(0, text.length)), how);
  }
  t.end();
});

t.test('compiled code of another text is not run, though the texts are of one length', (t) => {
  writeFileSync(bundle, readFileSync(bundle, 'latin1').replaceAll('muse-bus hook ', 'muse-bus h**k '), 'latin1');
  t.match(said(), 'muse-bus h**k codex');
  t.match(said(), 'muse-bus h**k codex', 'with the code of this text');
  t.end();
});

t.test('where no code can be kept, the hook answers all the same', (t) => {
  rmSync(compiled);
  mkdirSync(compiled);
  t.match(said(), 'muse-bus h**k codex');
  t.end();
});
