import t, { type Test } from 'tap';
import type { BusEvent } from '../../../protocol/index.js';
import { Command } from '../../support/command.js';
import { inFuture, reservation } from '../../support/leases.js';
import { PseudoTerminal } from '../../support/pseudo-terminal.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

/** Writes the records of each test. */
function writeRecords(repository: TemporaryRepository): void {
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f', 'src/a.py::g']));
  repository.rename('reservation', 'r2', reservation('agent-2', ['src/b.py::h'], { branch: 'dev' }));
  repository.rename('reservation', 'over', reservation('agent-3', ['src/a.py::f'], { expires_at: inFuture(-1_000) }));
  repository.rename('reservation', 'extended', reservation('agent-4', ['src/c.py'], { expires_at: inFuture(-1_000) }));
  repository.rename('heartbeat', 'b1', { reservation_id: 'extended', extended_expires_at: inFuture(60_000) });
  repository.rename('task', 't1', { run_id: 'agent-1', title: 'speed up search', status: 'open' });
}

/** Each test runs with a server and without one. */
const SETUPS: readonly { readonly name: string; readonly prepare: (t: Test) => Promise<string> }[] = [
  {
    name: 'without a server',
    prepare: async (t) => {
      const repository = new TemporaryRepository();
      t.teardown(() => {
        repository.dispose();
      });
      writeRecords(repository);
      return repository.root;
    },
  },
  {
    name: 'with a server',
    prepare: async (t) => {
      const repository = new ServedRepository();
      t.teardown(() => repository.stop());
      writeRecords(repository);
      await repository.start();
      return repository.root;
    },
  },
];

const ids = (command: Command): string[] => command.json<BusEvent>().map(({ id }) => id);

for (const { name, prepare } of SETUPS) {
  t.test(`${name}, get lists the records of a kind in a pipe as snapshot events`, async (t) => {
    const root = await prepare(t);
    const get = Command.museBus(['get', 'reservations', '--root', root]);
    t.equal(await get.exit, 0);
    t.strictSame(ids(get), ['extended', 'over', 'r1', 'r2']);
    const [first] = get.json<BusEvent>();
    t.match(first, {
      event_type: 'snapshot',
      kind: 'reservation',
      data: { run_id: 'agent-4' },
      schema_version: String,
    });
  });

  t.test(`${name}, get accepts the filters of watch`, async (t) => {
    const root = await prepare(t);
    const variants: readonly { readonly flags: readonly string[]; readonly found: readonly string[] }[] = [
      { flags: ['--run-id', 'agent-1'], found: ['r1'] },
      { flags: ['--run-id', 'agent-1', '--run-id', 'agent-2'], found: ['r1', 'r2'] },
      { flags: ['-b', 'dev'], found: ['r2'] },
      { flags: ['--address', 'src/a.py::*'], found: ['over', 'r1'] },
      { flags: ['--address', 'src/a.py::*', '--id', 'r1'], found: ['r1'] },
      { flags: ['--id', 'nobody'], found: [] },
      { flags: ['r2'], found: ['r2'] },
      { flags: ['r2', 'r1', '--id', 'over'], found: ['over', 'r1', 'r2'] },
    ];
    for (const { flags, found } of variants) {
      const get = Command.museBus(['get', 'reservation', '--root', root, ...flags]);
      t.equal(await get.exit, 0, flags.join(' '));
      t.strictSame(ids(get), found, flags.join(' '));
    }
  });

  t.test(`${name}, holders sorts by effective expiry, the first to lapse at the top`, async (t) => {
    const root = await prepare(t);
    const variants: readonly { readonly args: readonly string[]; readonly found: readonly string[] }[] = [
      { args: ['src/a.py::f'], found: ['r1'] },
      { args: ['src/a.py'], found: ['r1'] },
      { args: ['src/c.py::anything'], found: ['extended'] },
      { args: ['src/b.py', '--branch', 'main'], found: [] },
      { args: ['src/b.py', '--branch', 'dev'], found: ['r2'] },
    ];
    for (const { args, found } of variants) {
      const holders = Command.museBus(['holders', ...args, '--root', root]);
      t.equal(await holders.exit, 0, args.join(' '));
      const reservations = holders.json<{ reservation: string }>().map(({ reservation }) => reservation);
      t.strictSame(reservations, found, args.join(' '));
    }
  });
}

t.test('get and holders refuse invalid arguments', async (t) => {
  const variants: readonly {
    readonly args: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
    readonly says: RegExp;
  }[] = [
    { args: ['get', 'reservatoin'], says: /the kind must be one of reservation, .*did you mean reservation\?/s },
    { args: ['get'], says: /missing required argument 'kind'/ },
    { args: ['get', 'task', '--format', 'xml'], says: /--format must be text or json, got xml/ },
    { args: ['get', 'task', ''], says: /--id/ },
    {
      args: ['holders', 'a.py', 'more'],
      says: /holders takes only <address>, got also more.*see muse-bus holders --help/s,
    },
    { args: ['get', 'task', '--url', 'foo'], says: /the url "foo" is invalid/ },
    { args: ['get', 'task', '--time', 'noon'], says: /--time must be one of local, utc, relative, got noon/ },
    { args: ['get', 'task', '--query', 'run:a lag:>1'], says: /get does not use lag:.*\n {3}run:a lag:>1\n {9}\^/ },
    { args: ['holders', ''], says: /the address is empty/ },
    { args: ['get', 'task', '--root', '/nowhere/at/all'], says: /no \.muse\/ in \/nowhere.*muse-bus serve/s },
    { args: ['get', 'task', '--url', 'ws://127.0.0.1:9'], env: { MUSE_BUS_TOKEN: 'x' }, says: /cannot reach.*serve/s },
  ];
  for (const { args, env = {}, says } of variants) {
    const command = Command.museBus(args, { env });
    t.equal(await command.exit, 1, args.join(' '));
    t.match(command.errors.join('\n'), says);
    t.strictSame(command.lines, []);
  }
});

t.test('get narrows by a query, and -q says nothing where nothing matches', async (t) => {
  const root = await SETUPS[0]!.prepare(t);
  const some = Command.museBus(['get', 'reservation', '--root', root, '--query', 'addr:src/b.py OR run:agent-4']);
  t.equal(await some.exit, 0);
  t.strictSame(ids(some), ['extended', 'r2']);
  const args = ['get', 'task', '--root', root, '--format', 'text', '--query', 'run:nobody'];
  const none = Command.museBus(args);
  t.equal(await none.exit, 0);
  t.strictSame(none.errors, ['no task matches']);
  const quiet = Command.museBus([...args, '-q']);
  t.equal(await quiet.exit, 0);
  t.strictSame([...quiet.lines, ...quiet.errors], []);
});

t.test('--time prints the times of records in a style', async (t) => {
  const root = await SETUPS[0]!.prepare(t);
  for (const [style, shows] of [
    ['relative', / in \d+/],
    ['utc', /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/],
    ['local', /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00:00/],
  ] as const) {
    const args = ['--root', root, '--format', 'text', '--time', style];
    const get = Command.museBus(['get', 'heartbeat', ...args], { env: { TZ: 'UTC' } });
    t.equal(await get.exit, 0);
    t.match(get.lines[1], shows, style);
  }
});

t.test('on a terminal get and holders show a table', { skip: PseudoTerminal.skip }, async (t) => {
  const root = await SETUPS[0]!.prepare(t);
  const get = PseudoTerminal.museBus(['get', 'task', '--root', root]);
  t.equal(await get.exit, 0);
  t.match(get.screen, /ID\s+RUN\s+BRANCH\s+STATUS\s+TITLE/);
  t.match(get.screen, /t1\s+agent-1\s+open\s+speed up search/);
  const holders = PseudoTerminal.museBus(['holders', 'src/c.py', '--root', root]);
  t.equal(await holders.exit, 0);
  t.match(holders.screen, /agent-4\s+main\s+(\d+m )?\d+s\s+extended\s+src\/c\.py/);
});

t.test('a table escapes control characters, one line a record', { skip: PseudoTerminal.skip }, async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  repository.rename('task', 't1', { run_id: 'evil\u001b[2J\u001b]0;title\u0007', title: 'line\nbreak' });
  const get = PseudoTerminal.museBus(['get', 'task', '--root', repository.root]);
  t.equal(await get.exit, 0);
  t.match(get.screen, /t1\s+evil\\u\{1b\}\[2J\\u\{1b\}\]0;title\\u\{7\}\s+line\\u\{a\}break/);
  t.notMatch(get.screen, '\u001b[2J');
});
