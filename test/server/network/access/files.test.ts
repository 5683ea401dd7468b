import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MessageType, type Problem } from '../../../../protocol/index.js';
import { Repository } from '../../../support/repository-on-disk.js';
import { serve, type Running } from '../../../support/running-server.js';
import { untilFound } from '../../../support/until.js';
import { RawClient } from '../../../support/raw-client.js';

interface Broken {
  readonly what: string;
  readonly problem: Problem;
  /** Creates the file at the path, where none exists. */
  readonly put: (path: string) => void;
  readonly unless?: string | false;
}

const content =
  (bytes: string | Uint8Array) =>
  (path: string): void => {
    writeFileSync(path, bytes);
  };
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const isRoot = process.getuid?.() === 0;
const utf16 = Buffer.from('\ufeff{"a":1}', 'utf16le');

const BROKEN: readonly Broken[] = [
  { what: 'an empty file', problem: 'invalid-json', put: content('') },
  { what: 'a truncated file', problem: 'invalid-json', put: content('{"run_id":"r') },
  { what: 'a tail of NULs', problem: 'invalid-json', put: content('{"a":1}\0\0\0\0') },
  { what: 'UTF-16', problem: 'invalid-json', put: content(utf16) },
  {
    what: '0xFF in a string',
    problem: 'invalid-json',
    put: content(Buffer.from([...Buffer.from('{"a":"'), 0xff, 0x22, 0x7d])),
  },
  { what: 'a comment', problem: 'invalid-json', put: content('{"a":1} // done') },
  { what: 'a __proto__ key', problem: 'unsafe-key', put: content('{"__proto__":{"polluted":true}}') },
  {
    what: 'a __proto__ key deep inside',
    problem: 'unsafe-key',
    put: content('{"a":[{"__proto__":{"polluted":true}}]}'),
  },
  { what: 'an array', problem: 'not-an-object', put: content('[]') },
  { what: 'null', problem: 'not-an-object', put: content('null') },
  { what: 'a number', problem: 'not-an-object', put: content('1') },
  { what: 'text', problem: 'not-an-object', put: content('"x"') },
  { what: 'nested deeper than 32', problem: 'too-deep', put: content(nested(33)) },
  { what: '100,000 open brackets', problem: 'too-deep', put: content(`{"a":${'['.repeat(100_000)}`) },
  {
    what: '100,000 nested arrays',
    problem: 'too-deep',
    put: content(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  },
  { what: 'a file over 256 KiB', problem: 'too-large', put: content(`{"a":"${'x'.repeat(262_144)}"}`) },
  {
    what: 'a 10 GB sparse file',
    problem: 'too-large',
    put: (path) => {
      closeSync(openSync(path, 'w'));
      truncateSync(path, 10_000_000_000);
    },
  },
  { what: 'a FIFO', problem: 'not-a-file', put: (path) => execFileSync('mkfifo', [path]) },
  { what: 'a directory', problem: 'not-a-file', put: (path) => mkdirSync(path) },
  {
    what: 'a device',
    problem: 'not-a-file',
    put: (path) => execFileSync('mknod', [path, 'c', '1', '5']),
    unless: !isRoot && 'only root makes devices',
  },
  {
    what: 'a symbolic link to a record',
    problem: 'link',
    put: (path) => {
      writeFileSync(`${path}.target`, '{}');
      symlinkSync(`${path}.target`, path);
    },
  },
  { what: 'a symbolic link to nothing', problem: 'link', put: (path) => symlinkSync('/nowhere/at/all', path) },
  { what: 'a loop of links', problem: 'link', put: (path) => symlinkSync(path, path) },
  { what: 'a link to /dev/zero', problem: 'link', put: (path) => symlinkSync('/dev/zero', path) },
];

const listing = ({ server }: Running): string[] => server.bus.problems().map(({ id, problem }) => `${id} ${problem}`);

t.test('a file that is no record', async (t) => {
  const running = await serve(t);
  const { repository } = running;
  const client = await RawClient.welcomed(running.endpoint);
  t.teardown(() => client.terminate());
  client.send([MessageType.subscribe, 1, { filter: { kinds: ['task'] } }]);
  await client.received(MessageType.synced);
  const eventOf = (id: string, passes: (event: unknown[]) => boolean): Promise<unknown[]> =>
    untilFound(`an event of ${id}`, () => events(client).find((event) => event[3] === id && passes(event)));

  for (const [i, { what, problem, put, unless }] of BROKEN.entries()) {
    t.test(`${what}: quarantined as ${problem}, and healed`, { skip: unless ?? false }, async (t) => {
      const fresh = `new-${String(i)}`;
      put(repository.path('task', `${fresh}.json`));
      const added = await eventOf(fresh, ([, type]) => type === MessageType.subscribe);
      t.same([added[5], added[7]], [{}, problem], 'new: added with empty data');

      const known = `known-${String(i)}`;
      repository.record('task', known, { title: 'good' });
      await eventOf(known, ([, type]) => type === MessageType.subscribe);
      const path = repository.path('task', `${known}.json`);
      // In one step, so that the file is never missing.
      rmSync(path);
      put(path);
      const modified = await eventOf(known, (event) => event[7] === problem);
      // The server may have seen the removal, or not.
      const wasSeenGone = events(client).some((event) => event[3] === known && event[1] === 3);
      t.same([modified[1], modified[5]], wasSeenGone ? [1, {}] : [2, { title: 'good' }], 'the last good data stays');
      t.ok(listing(running).includes(`${known} ${problem}`), 'it is listed');
      t.ok(running.log.has('cannot be read as a record', `tasks/${known}.json`, problem), 'and logged');

      repository.remove('task', known);
      repository.record('task', known, { title: 'healed' });
      const healed = await eventOf(known, (event) => (event[5] as { title?: string }).title === 'healed');
      t.equal(healed[7] ?? null, null);
      t.notOk(listing(running).includes(`${known} ${problem}`), 'it is listed no longer');
      repository.remove('task', fresh);
      await eventOf(fresh, ([, type]) => type === MessageType.sync);
      t.notOk(listing(running).includes(`${fresh} ${problem}`));
    });
  }

  t.test('a socket: quarantined as not-a-file', async (t) => {
    const listener = createServer().listen(repository.path('task', 'sock.json'));
    t.teardown(() => listener.close());
    const added = await eventOf('sock', ([, type]) => type === MessageType.subscribe);
    t.equal(added[7], 'not-a-file');
  });

  t.test('no prototype is changed, and constructor is only data', async (t) => {
    repository.write('task', 'ctor', '{"constructor":{"prototype":{"polluted":true}}}');
    const added = await eventOf('ctor', ([, type]) => type === MessageType.subscribe);
    t.equal(added[7] ?? null, null);
    t.same(added[5], { constructor: { prototype: { polluted: true } } });
    t.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  t.test('the connection is unaffected', async (t) => {
    t.ok(await client.isAlive());
  });
});

const events = (client: RawClient): unknown[][] =>
  client.messages
    .filter(([type]) => type === MessageType.events || type === MessageType.batch)
    .flatMap((message) => message[3] as unknown[][]);

t.test('accepted', async (t) => {
  const running = await serve(t);
  const { repository, log } = running;
  const client = await RawClient.welcomed(running.endpoint);
  t.teardown(() => client.terminate());
  client.send([MessageType.subscribe, 1, {}]);
  await client.received(MessageType.synced);
  const record = (id: string): Promise<unknown[]> =>
    untilFound(id, () => events(client).find((event) => event[3] === id));

  const TEXTS: readonly (readonly [what: string, json: string, data: object])[] = [
    ['a UTF-8 BOM', '\ufeff{"a":1}', { a: 1 }],
    ['duplicate keys: the last wins', '{"a":1,"a":2}', { a: 2 }],
    ['a nested record of depth 32', nested(32), JSON.parse(nested(32)) as object],
    ['a dependency on itself', '{"task_id":"t","depends_on":"t"}', { task_id: 't', depends_on: 't' }],
    ['an escaped NUL', '{"a":"\\u0000"}', { a: '\0' }],
    ['a lone surrogate: U+FFFD', '{"a":"\\ud800"}', { a: '\ufffd' }],
    ['a lone surrogate in a key: U+FFFD', '{"\\udc00":1}', { '\ufffd': 1 }],
    ['NaN, Infinity, 1e999: null', '{"a":[NaN,-Infinity,1e999]}', { a: [null, null, null] }],
    ['a pair of surrogates', '{"a":"\\ud83d\\ude00"}', { a: '😀' }],
    ['-0 and fractions', '{"a":-0.5}', { a: -0.5 }],
  ];
  for (const [i, [what, json, data]] of TEXTS.entries()) {
    t.test(what, async (t) => {
      repository.write('dependency', `text-${String(i)}`, json);
      const event = await record(`text-${String(i)}`);
      t.same([event[5], event[7] ?? null], [data, null]);
    });
  }

  t.test('a number beyond 2^53: the nearest double, warned', async (t) => {
    repository.write('task', 'big', '{"n":9007199254740993}');
    const event = await record('big');
    t.same([event[5], event[7] ?? null], [{ n: 9_007_199_254_740_992 }, null]);
    t.ok(log.has('2^53', 'tasks/big.json'));
  });

  t.test('a hard link: accepted, warned', async (t) => {
    writeFileSync(`${repository.root}/outside.json`, '{"a":1}');
    linkSync(`${repository.root}/outside.json`, repository.path('task', 'hard.json'));
    t.equal((await record('hard'))[7] ?? null, null);
    t.ok(log.has('hard link', 'tasks/hard.json'));
  });

  t.test('a record with 15,000 keys that look like indices', async (t) => {
    const keys = Array.from({ length: 15_000 }, (_, i) => `"${String(i * 65_536)}":0`);
    repository.write('task', 'indices', `{${keys.join(',')}}`);
    t.equal(Object.keys((await record('indices'))[5] as object).length, 15_000);
  });

  const TIMES: readonly (readonly [what: string, time: string, problem: Problem | null, warned: boolean])[] = [
    ['February 30th', '2025-02-30T00:00:00Z', 'bad-timestamp', false],
    ['"12"', '12', 'bad-timestamp', false],
    ['second 60', '2030-01-01T00:00:60Z', 'bad-timestamp', false],
    ['24:00', '2030-01-01T24:00:00Z', 'bad-timestamp', false],
    ['a naive time', '2999-01-01T00:00:00', null, true],
    ['+00:00', '2999-01-01T00:00:00+00:00', null, false],
    ['microseconds', '2999-01-01T00:00:00.123456Z', null, false],
    ['a space for T', '2999-01-01 00:00:00Z', null, false],
    ['the year 9999', '9999-12-31T23:59:59Z', null, false],
  ];
  for (const [i, [what, time, problem, warned]] of TIMES.entries()) {
    t.test(
      `an expiry of ${what}: accepted${problem ? `, problem ${problem}, no lease` : ''}${warned ? ', warned' : ''}`,
      async (t) => {
        const id = `time-${String(i)}`;
        repository.record('reservation', id, { expires_at: time });
        const event = await record(id);
        t.same([event[5], event[7] ?? null], [{ expires_at: time }, problem]);
        t.equal(log.has('no time zone', `reservations/${id}.json`), warned);
      },
    );
  }
  t.test('nothing expires', async (t) => {
    t.equal(events(client).filter(([, type]) => type === MessageType.ping).length, 0);
  });
});

t.test('ignored, counted and warned of', async (t) => {
  const running = await serve(t, { reconcileMs: 50 });
  const { repository, log, server } = running;
  const NAMES: readonly (readonly [name: string | Buffer, why: RegExp])[] = [
    ['x.tmp', /not a record/],
    ['.x.json', /not a record/],
    ['x.json~', /not a record/],
    ['.json', /not a record/],
    ['new\nline.json', /unprintable/],
    ['bell\u0007.json', /unprintable/],
    ['bidi\u202e.json', /unprintable/],
    [Buffer.from([0x66, 0xff, 0x2e, 0x6a, 0x73, 0x6f, 0x6e]), /unprintable/],
  ];
  for (const [name] of NAMES) {
    const directory = Buffer.from(`${repository.directory('claim')}/`);
    writeFileSync(Buffer.concat([directory, Buffer.from(name)]), '{}');
  }
  repository.record('claim', 'real');
  await untilFound('the real one', () => server.bus.hub.revision === 1);
  await untilFound('all counted', () => server.bus.watch.counts.ignoredFiles >= NAMES.length);
  t.equal(server.bus.hub.revision, 1, 'no other record');
  t.ok(log.has('file ignored', 'unprintable'));
  await untilFound('a scan has found those that stay', () => log.has('file ignored, and others like it', 'claim'));
  repository.record('task', 'renamed');
  await untilFound('what was renamed in', () => server.bus.hub.revision === 2);
  t.notOk(log.has('file ignored', 'task'), 'a temporary file that is gone is nothing to speak of');
});

t.test('an id over max_id_bytes is ignored, and the warning names the limit', async (t) => {
  const { repository, log, server } = await serve(t, { limits: { maxIdBytes: 20 } });
  repository.record('task', 'é'.repeat(11));
  repository.record('task', 'é'.repeat(10));
  await untilFound('the shorter one', () => server.bus.hub.revision === 1);
  await untilFound('the warning', () => log.has('too-long', '"max_id_bytes":20'));
});

t.test('records beyond max_records wait until others are removed', async (t) => {
  const { repository, log, server } = await serve(t, { limits: { maxRecords: 3 }, reconcileMs: 50 });
  for (const id of ['a', 'b', 'c', 'd']) repository.record('task', id);
  await untilFound('three', () => server.bus.hub.revision === 3);
  await untilFound('the warning', () => log.has('not taken in', '"max_records":3'));
  repository.record('task', 'a', { changed: true });
  await untilFound('a known one may change', () => server.bus.hub.revision === 4);
  repository.remove('task', 'b');
  await untilFound('the fourth', () => server.bus.hub.store.get('task', 'd') !== undefined);
});

t.test('20,000 files at once converge', async (t) => {
  const { repository, server } = await serve(t);
  for (let i = 0; i < 20_000; i++) writeFileSync(repository.path('task', `f${String(i)}.json`), '{"a":1}');
  await untilFound('all', () => server.bus.hub.store.size === 20_000);
  t.equal(server.bus.problems().length, 0);
});

t.test('broken files that exist at the start are quarantined, listed and logged', async (t) => {
  const repository = new Repository();
  repository.write('task', 'broken', '{');
  repository.record('task', 'good');
  execFileSync('mkfifo', [repository.path('task', 'pipe.json')]);
  const running = await serve(t, {}, repository);
  t.same(listing(running).sort(), ['broken invalid-json', 'pipe not-a-file']);
  t.ok(running.log.has('tasks/broken.json', 'invalid-json'));
});

t.test('mode 000: quarantined as unreadable, the last good stands, healed', { skip: noNobody() }, async (t) => {
  // Root can read every file, so this test runs as the user `nobody`.
  const repository = new Repository();
  if (isRoot) {
    // That user needs its own state directory, too.
    const state = mkdtempSync(join(tmpdir(), 'muse-bus-nobody-'));
    const before = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = state;
    spawnSync('chown', ['-R', '65534', repository.root, state]);
    process.seteuid?.(65_534);
    t.teardown(() => {
      process.seteuid?.(0);
      process.env['XDG_STATE_HOME'] = before;
      rmSync(state, { recursive: true, force: true });
    });
  }
  const running = await serve(t, {}, repository);
  repository.record('task', 'shut', { title: 'good' });
  await untilFound('read', () => running.server.bus.hub.revision === 1);
  chmodSync(repository.path('task', 'shut.json'), 0);
  await untilFound('the problem', () => listing(running).includes('shut unreadable'));
  t.same(running.server.bus.hub.store.get('task', 'shut')?.data, { title: 'good' });
  chmodSync(repository.path('task', 'shut.json'), 0o600);
  await untilFound('healed', () => listing(running).length === 0);
});

function noNobody(): string | false {
  return process.platform === 'win32' && 'modes mean something else here';
}
