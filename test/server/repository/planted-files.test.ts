import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BusServer } from '../../../server/index.js';
import { LogLines } from '../../support/running-server.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

const VICTIM = 'what the user had written';

/** A repository that an attacker may have made, with files of the user outside of it. */
class HostileRepository extends TemporaryRepository {
  readonly #home = join(this.root, '..', `${this.root.split('/').at(-1)!}-home`);
  readonly #victims: string[] = [];

  constructor(t: Test) {
    super();
    mkdirSync(this.#home);
    t.teardown(() => {
      this.dispose();
      rmSync(this.#home, { recursive: true });
    });
  }

  /** A file of the user that must not change. */
  victim(): string {
    const path = join(this.#home, `victim-${String(this.#victims.length)}`);
    writeFileSync(path, VICTIM, { mode: 0o600 });
    this.#victims.push(path);
    return path;
  }

  /** A path outside of the repository at which no file may appear. */
  get nowhere(): string {
    return join(this.#home, 'authorized_keys');
  }

  /** Serves until a record is in the journal, and then stops. */
  async serve(): Promise<LogLines> {
    const log = new LogLines();
    const server = new BusServer({ root: this.root, port: 0, log });
    await server.start();
    this.rename('task', 'a', { title: 'ssh-ed25519 AAAA' });
    await until('it is in the journal', () => server.bus.hub.revision === 1 && server.bus.journalHealth === 'durable');
    await server.stop();
    return log;
  }

  untouched(t: Test): void {
    for (const path of this.#victims) t.equal(readFileSync(path, 'utf8'), VICTIM, `${path} is as it was`);
    t.notOk(existsSync(this.nowhere), 'nothing was made elsewhere');
  }
}

t.test(
  'links that a clone brings into .muse/bus are never followed, whatever their names and where they lead',
  async (t) => {
    const repository = new HostileRepository(t);
    const journal = join(repository.bus, 'journal');
    mkdirSync(journal, { recursive: true });
    for (const name of ['header.json.tmp', 'header.json', '9007199254740992.mdb', '1.mdb', '1.mdb.trial'])
      symlinkSync(repository.victim(), join(journal, name));
    for (const name of ['sent', '2.mdb', '9007199254740992.mdb-lock', '1.mdb-lock'])
      symlinkSync(repository.nowhere, join(journal, name));
    for (const name of ['endpoint.json', 'id', 'token', '.gitignore'])
      symlinkSync(repository.victim(), join(repository.bus, name));
    symlinkSync(repository.nowhere, join(repository.bus, 'lock'));
    await repository.serve();
    repository.untouched(t);
    for (const name of ['id', 'lock'])
      t.ok(lstatSync(join(repository.bus, name)).isFile(), `${name} is a file of our own`);
  },
);

t.test('a hard link or a directory in place of a private file is set aside, not written to', async (t) => {
  const repository = new HostileRepository(t);
  mkdirSync(repository.bus);
  for (const name of ['lock', 'id', 'endpoint.json']) {
    const victim = repository.victim();
    linkSync(victim, join(repository.bus, name));
  }
  await repository.serve();
  repository.untouched(t);
  t.ok(readdirSync(repository.bus).some((name) => name.startsWith('lock.set-aside-')));

  const other = new HostileRepository(t);
  for (const name of ['lock', 'id', 'endpoint.json']) mkdirSync(join(other.bus, name, 'full'), { recursive: true });
  await other.serve();
  t.ok(statSync(join(other.bus, 'lock')).isFile());
});

t.test('what lies in the journal’s own directory is proven, too, and no name in it is trusted', async (t) => {
  const repository = new HostileRepository(t);
  const state = repository.openState();
  const journal = join(repository.state, 'journal');
  mkdirSync(journal);
  for (const name of ['header.json', 'sent', '1.mdb', '2.mdb', '2.mdb-lock', '2.mdb.trial', '1.mdb.trial'])
    symlinkSync(repository.victim(), join(journal, name));
  for (const name of ['9007199254740992.mdb', '99999999999999999999.mdb', '-1.mdb', '1e3.mdb'])
    symlinkSync(repository.nowhere, join(journal, name));
  state.close();
  await repository.serve();
  repository.untouched(t);
  const tables = readdirSync(journal).filter((name) => /^\d{1,12}\.mdb$/.test(name));
  t.equal(tables.length, 1);
});

t.test('every private file has mode 0600 and every private directory 0700, whatever the umask', async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const repository = new HostileRepository(t);
  await repository.serve();
  const modes = new Map<string, number>();
  const collect = (path: string): void => {
    modes.set(path, statSync(path).mode & 0o777);
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) collect(join(path, name));
  };
  collect(repository.bus);
  collect(repository.state);
  t.ok([...modes.keys()].some((path) => path.endsWith('.mdb-lock')));
  for (const [path, mode] of modes) t.equal(mode, statSync(path).isDirectory() ? 0o700 : 0o600, path);
});

t.test('a .muse/bus that is a link is refused, and nothing is written through it', async (t) => {
  const repository = new HostileRepository(t);
  mkdirSync(join(repository.root, 'elsewhere'));
  symlinkSync(join(repository.root, 'elsewhere'), repository.bus);
  const server = new BusServer({ root: repository.root, port: 0 });
  await t.rejects(server.start(), {
    name: 'TrustError',
    fault: 'link',
    message: /bus is not a directory, but a symbolic link/,
  });
  t.same(readdirSync(join(repository.root, 'elsewhere')), []);
});

t.test('a state directory that everybody can write to is refused, and named with what to do', async (t) => {
  const repository = new HostileRepository(t);
  const stateDir = join(repository.root, 'open', 'state');
  mkdirSync(stateDir, { recursive: true });
  chmodSync(join(repository.root, 'open'), 0o777);
  const server = new BusServer({ root: repository.root, port: 0, stateDir });
  await t.rejects(server.start(), {
    name: 'TrustError',
    fault: 'writable',
    message: /open, above the private state, can be written to by everybody/,
    hint: /--state-dir or MUSE_BUS_STATE_DIR/,
  });
});
