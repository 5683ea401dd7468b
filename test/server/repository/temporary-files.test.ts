import { linkSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PrivateState, staleTemporaries } from '../../../server/repository/index.js';
import { STALE_TEMPORARY_MS } from '../../../server/repository/temporary-files.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const TEMPORARY = 'token.0123456789abcdef.tmp';
const LONG_AGO_S = (Date.now() - 2 * STALE_TEMPORARY_MS) / 1_000;

function old(path: string): void {
  writeFileSync(path, 'secret', { mode: 0o600 });
  utimesSync(path, LONG_AGO_S, LONG_AGO_S);
}

t.test('a start removes what a killed process has left half-written, names it, and touches nothing else', async (t) => {
  const repository = TemporaryRepository.for(t);
  const said: unknown[] = [];
  const warn = (fields: object, text: string): void => void said.push({ text, ...fields });
  const first = new PrivateState({ root: repository.root, warn });
  await first.open();
  first.close();
  for (const directory of [repository.bus, repository.state]) {
    old(join(directory, TEMPORARY));
    old(join(directory, 'modes-01234567'));
    old(join(directory, 'notes.tmp'));
    old(join(directory, 'token.0123456789ABCDEF.tmp'));
    old(join(directory, 'two-names'));
    linkSync(join(directory, 'two-names'), join(directory, 'a.1111111111111111.tmp'));
    symlinkSync(join(directory, 'two-names'), join(directory, 'b.2222222222222222.tmp'));
    mkdirSync(join(directory, 'c.3333333333333333.tmp'));
    writeFileSync(join(directory, 'd.4444444444444444.tmp'), 'is being written', { mode: 0o600 });
    const found = staleTemporaries(directory, Date.now());
    t.same(found.sort(), [join(directory, 'modes-01234567'), join(directory, TEMPORARY)], 'doctor finds them');
  }
  const second = new PrivateState({ root: repository.root, warn });
  t.teardown(() => {
    second.close();
  });
  await second.open();
  for (const directory of [repository.bus, repository.state]) {
    t.same(staleTemporaries(directory, Date.now()), []);
    const names = readdirSync(directory);
    t.notOk(names.includes(TEMPORARY));
    const kept = ['notes.tmp', 'a.1111111111111111.tmp', 'b.2222222222222222.tmp', 'c.3333333333333333.tmp'];
    t.same(
      [...kept, 'd.4444444444444444.tmp', 'two-names'].filter((name) => !names.includes(name)),
      [],
    );
  }
  const removed = { text: 'removed temporary files that a killed process has left', names: Array };
  t.match(said, [removed, removed]);
});

t.test('doctor finds nothing in a directory that does not exist', async (t) => {
  t.same(staleTemporaries('/does/not/exist', Date.now()), []);
});
