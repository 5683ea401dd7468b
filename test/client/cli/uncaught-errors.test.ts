import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Command, MUSE_BUS } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

/** A module that fails outside of any handler, once the server has said that it listens. */
function planted(failure: string): string {
  const source = `
    const write = process.stdout.write;
    process.stdout.write = function (...args) {
      if (String(args[0]).startsWith('Listening')) setTimeout(() => { ${failure} }, 10);
      return write.apply(this, args);
    };`;
  return `--import data:text/javascript,${encodeURIComponent(source)}`;
}

for (const [what, failure] of [
  ['an exception that nothing catches', 'throw new Error("planted")'],
  ['a rejection that nobody handles', 'Promise.reject(new Error("planted"))'],
] as const) {
  t.test(`${what} stops serve in order with code 70, one line says where, and the journal is intact`, async (t) => {
    const repository = new TemporaryRepository();
    const state = mkdtempSync(join(tmpdir(), 'muse-bus-state-'));
    chmodSync(state, 0o700);
    t.teardown(() => {
      repository.dispose();
      rmSync(state, { recursive: true, force: true });
    });
    repository.rename('task', 't1', {});
    const serve = Command.museBus(['serve', '--port', '0', '--root', repository.root], {
      env: { NODE_OPTIONS: planted(failure), XDG_STATE_HOME: state },
    });
    t.equal(await serve.exit, 70);
    const lines = serve.errors.filter((line) => line.includes('"unforeseen"'));
    t.equal(lines.length, 1);
    t.match(JSON.parse(lines[0]!), { msg: 'unforeseen', error: 'Error: planted' });
    t.ok(
      serve.errors.some((line) => line.includes('"watching"')),
      'it had served',
    );
    const header = readdirSync(state, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('header.json'),
    );
    t.match(readFileSync(join(state, header!), 'utf8'), /"seal":\{/, 'the journal is sealed');
  });
}

t.test(
  'a program that cannot be loaded, for want of open files, says so in one line and what to do',
  { skip: process.platform === 'linux' ? false : 'the number that Node needs by itself differs' },
  async (t) => {
    // Node itself needs some 18; below that it does not start.
    for (let files = 24; ; files--) {
      const command = new Command('sh', [
        '-c',
        `ulimit -n ${String(files)}; exec "${process.execPath}" "${MUSE_BUS}" doctor`,
      ]);
      t.equal(await command.exit, 1);
      if (command.lines.length > 0) continue;
      t.match(command.errors, [/^❌ muse-bus cannot be loaded: EMFILE: too many open files/, /ulimit -n/]);
      t.equal(command.errors.length, 2, 'no stack');
      return;
    }
  },
);
