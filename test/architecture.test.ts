import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  CloseCode,
  ERROR_CODES,
  KINDS,
  MessageType,
  PROBLEMS,
  PROTOCOL_VERSION,
  REASONS,
  RESYNC_REASONS,
  VERSION,
} from '../protocol/index.js';
import { DEFAULT_LIMITS } from '../server/index.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

function sourcesIn(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return entries.filter((name) => /\.tsx?$/.test(name)).map((name) => join(folder, name));
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g;

interface Import {
  readonly file: string;
  /** A package, or a path from the root. */
  readonly target: string;
}

function importsOf(file: string): Import[] {
  return [...read(file).matchAll(IMPORT)].map((match) => {
    const target = match[1] ?? match[2] ?? match[3]!;
    const isOurs = target.startsWith('.');
    return { file, target: isOurs ? relative(ROOT, resolve(ROOT, dirname(file), target)) : target };
  });
}

const isIn = (folder: string) => (target: string) => target.startsWith(`${folder}/`);
const isOurs = (target: string): boolean =>
  ['protocol', 'server', 'client', 'test', 'bench'].some((folder) => isIn(folder)(target));

/** Those imports of a folder's files that a rule does not allow, as `file → target`. */
function breaches(folder: string, isAllowed: (target: string) => boolean): string[] {
  const imports = sourcesIn(folder).flatMap(importsOf);
  return imports.filter(({ target }) => !isAllowed(target)).map(({ file, target }) => `${file} → ${target}`);
}

t.test('protocol imports nothing of ours', async (t) => {
  t.same(
    breaches('protocol', (target) => isIn('protocol')(target) || !isOurs(target)),
    [],
  );
  t.same(
    breaches('protocol', (target) => !target.startsWith('node:')),
    [],
    'and nothing that a browser lacks',
  );
});

t.test('server imports protocol only, by its entry', async (t) => {
  const isAllowed = (target: string): boolean =>
    isIn('server')(target) || target === 'protocol/index.js' || !isOurs(target);
  t.same(breaches('server', isAllowed), []);
});

t.test('client imports protocol, and of server its two entries only', async (t) => {
  const allowed = ['protocol/', 'client/'];
  const entries = ['server/index.js', 'server/repository/index.js'];
  const isAllowed = (target: string): boolean =>
    !isOurs(target) || entries.includes(target) || allowed.some((folder) => target.startsWith(folder));
  t.same(breaches('client', isAllowed), []);
});

t.test('server/repository imports protocol and Node only: a client that loads it loads no server', async (t) => {
  const isAllowed = (target: string): boolean =>
    isIn('server/repository')(target) || target === 'protocol/index.js' || !isOurs(target);
  t.same(breaches('server/repository', isAllowed), []);
});

t.test('what is private goes through server/repository alone', async (t) => {
  // What a checkout may say of settings, and what shows the state of things.
  const readers = ['client/cli/settings/repository-config.ts', 'client/cli/doctor/repository.ts'];
  const others = ['server', 'client']
    .flatMap(sourcesIn)
    .filter((file) => !isIn('server/repository')(file) && !readers.includes(file));
  for (const file of others) {
    t.notMatch(read(file), /join\([^;]*['"`]bus['"`]|\$\{[^}]*\}\/bus\b/, `${file} builds no path below .muse/bus`);
    t.notMatch(read(file), /\bstateLocation\(|\bstateHome\(/, `${file} does not ask where the state is`);
  }
  const descriptorsOnly = /import \{((?:\s*(?:closeSync|fstatSync|readSync|writeSync),?\s*)+)\} from 'node:fs'/;
  for (const file of sourcesIn('server/journal')) {
    const isImporting = importsOf(file).some(({ target }) => target.startsWith('node:fs'));
    if (isImporting) t.match(read(file), descriptorsOnly, `${file} opens nothing by its path`);
  }
});

t.test('nothing that is shipped imports tests or benches', async (t) => {
  for (const folder of ['protocol', 'server', 'client']) {
    t.same(
      breaches(folder, (target) => !isIn('test')(target) && !isIn('bench')(target)),
      [],
    );
  }
});

/** How code takes time, or lets it pass, without being given it. */
const TAKES_TIME =
  /\bDate\.now\(|\bnew Date\(\)|\bperformance\.|\bhrtime\b|\bset(?:Timeout|Interval|Immediate)\(|\bqueueMicrotask\(|\bnextTick\(|\.elapsed\(|\bclock\b/;

t.test('the swarm, store and delivery are pure: no file, socket, timer, clock or engine in them', async (t) => {
  const adapters = ['fs', 'net', 'http', 'https', 'timers', 'child_process', 'worker_threads', 'process'].flatMap(
    (name) => [...[name, `node:${name}`, `${name}/promises`, `node:${name}/promises`]],
  );
  const forbidden = new Set([...adapters, 'ws', 'uWebSockets.js', 'lmdb', 'fs-extra', 'server/runtime/clock.js']);
  for (const folder of ['protocol/swarm', 'server/store', 'server/delivery']) {
    t.same(
      breaches(folder, (target) => !forbidden.has(target)),
      [],
      folder,
    );
    for (const file of sourcesIn(folder))
      t.notMatch(withoutComments(read(file)), TAKES_TIME, `${file} is given its time`);
  }
});

/** The rooms of the server, each with those that it may look at. What joins them lies beside them, at the root. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  repository: [],
  store: [],
  metrics: ['store'],
  delivery: ['runtime', 'store'],
  config: ['runtime', 'store'],
  sessions: ['config', 'delivery', 'runtime'],
  journal: ['repository', 'runtime', 'store'],
  watch: ['config', 'repository', 'runtime', 'store'],
  relay: ['config', 'delivery', 'metrics', 'repository', 'runtime', 'store'],
  inspection: ['delivery', 'journal', 'metrics', 'runtime', 'sessions', 'store', 'watch'],
  network: ['config', 'delivery', 'inspection', 'metrics', 'repository', 'runtime', 'sessions', 'store'],
};

const roomOf = (path: string): string => path.split('/')[1]!;

/** Imports of a room's files that lead to a room, or to what joins them, which it may not look at. */
const roomBreaches = (imports: readonly Import[]): string[] =>
  imports
    .filter(({ file, target }) => {
      if (!isIn('server')(target)) return false;
      const [from, to] = [roomOf(file), roomOf(target)];
      return from !== to && !ROOMS[from]!.includes(to);
    })
    .map(({ file, target }) => `${file} → ${target}`);

t.test('a room of the server looks only at the rooms that it may, and none at what joins them', async (t) => {
  const folders = readdirSync(join(ROOT, 'server'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  t.same(new Set(folders.map(({ name }) => name)), new Set(Object.keys(ROOMS)), 'each folder is a room');
  for (const room of Object.keys(ROOMS)) t.same(roomBreaches(sourcesIn(`server/${room}`).flatMap(importsOf)), [], room);
  for (const [room, allowed] of Object.entries(ROOMS)) {
    for (const other of [...Object.keys(ROOMS), 'bus.js']) {
      if (other === room || allowed.includes(other)) continue;
      const planted = {
        file: `server/${room}/x.ts`,
        target: other === 'bus.js' ? 'server/bus.js' : `server/${other}/x.js`,
      };
      t.equal(roomBreaches([planted]).length, 1, `${room} → ${other} is found`);
    }
  }
});

t.test('no room looks at another that looks back at it', async (t) => {
  const depth = (room: string, path: readonly string[] = []): void => {
    t.notOk(path.includes(room), [...path, room].join(' → '));
    if (!path.includes(room)) for (const next of ROOMS[room]!) depth(next, [...path, room]);
  };
  depth('network');
  depth('relay');
});

t.test('no files import each other, not by way of others either', async (t) => {
  const files = ['protocol', 'server', 'client', 'bench'].flatMap(sourcesIn);
  const targets = new Map(
    files.map((file) => [file, importsOf(file).map(({ target }) => target.replace(/\.js$/, '.ts'))]),
  );
  t.same(circlesIn(targets), []);
  const planted = new Map([...targets, ['server/delivery/port.ts', ['server/delivery/fan-out.ts']]]);
  t.match(circlesIn(planted).join(), 'server/delivery/port.ts → server/delivery/fan-out.ts', 'a planted one is found');
});

/** Each way of imports that leads back to where it began. */
function circlesIn(targets: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    path.push(file);
    for (const target of targets.get(file) ?? []) if (targets.has(target)) visit(target);
    path.pop();
    state.set(file, 'done');
  };
  for (const file of targets.keys()) visit(file);
  return circles;
}

const withoutComments = (source: string): string => source.replace(/\/\*[^]*?\*\/|\/\/.*/g, '');

t.test('only the terminal and the log write to the process’s own streams, and JSON leaves by them alone', async (t) => {
  const WAYS_OUT = new Set(['client/cli/terminal/terminal.ts', 'client/cli/terminal/log.ts']);
  const writing = /\bconsole\.|process\.(stdout|stderr)\.(write|end|cork)\b|\bwriteSync\(\s*[12]\b/;
  const sources = ['protocol', 'server', 'client'].flatMap(sourcesIn).filter((file) => !WAYS_OUT.has(file));
  const writers = sources.filter((file) => writing.test(read(file)));
  // A process of its own, whose words its parent reads.
  t.same(writers, ['server/journal/integrity-check-main.ts']);
  const unescaped = sources.filter((file) => /\.(out|err)\(\s*JSON\.stringify/.test(read(file)));
  t.same(unescaped, [], 'terminal.json escapes what a terminal obeys');
  const styled = sources.filter(
    (file) => file.startsWith('client/cli/') && /\\u001b|\\x1b|\\u\{1b\}/i.test(read(file)),
  );
  t.same(styled, [], 'no other file makes an escape sequence');
  const coloured = breaches('client', (target) => !target.startsWith('picocolors'));
  t.same(
    coloured.filter((breach) => !/^client\/cli\/terminal\/terminal(-text)?\.ts /.test(breach)),
    [],
  );
});

t.test('imports are seen at all', async (t) => {
  const targets = importsOf('server/bus-server.ts').map(({ target }) => target);
  for (const target of ['node:fs', 'protocol/index.js', 'server/bus.js']) t.ok(targets.includes(target), target);
});

t.test('PROTOCOL.md has a line for everything that can be on the wire', async (t) => {
  const text = read('protocol/PROTOCOL.md');
  for (const code of ERROR_CODES) t.ok(text.includes(`### \`${code}\``), `error ${code}`);
  for (const code of Object.values(CloseCode))
    t.match(text, new RegExp(`^\\| ${String(code)} `, 'm'), `close code ${String(code)}`);
  for (const [name, type] of Object.entries(MessageType))
    t.match(text, new RegExp(`^### ${String(type)} ${spaced(name)}$`, 'm'), name);
  for (const word of [...KINDS, ...PROBLEMS, ...REASONS]) t.ok(text.includes(`\`${word}\``), word);
  for (const reason of RESYNC_REASONS) t.match(text, new RegExp(`^\\| \`${reason}\` `, 'm'), reason);
  for (const [name, value] of Object.entries(DEFAULT_LIMITS) as [string, number][]) {
    const row = new RegExp(`^\\| \`${snake(name)}\` +\\| ${value.toLocaleString('en-US')} `, 'm');
    t.match(text, row, `limit ${name} with its default`);
  }
  t.ok(text.includes(`# The muse-bus protocol, version ${String(PROTOCOL_VERSION)}`));
});

const spaced = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

t.test('the version is that of package.json', async (t) => {
  t.equal(VERSION, (JSON.parse(read('package.json')) as { version: string }).version);
});

t.test('the lock file keeps the native engine and the clients of NATS on every Node that they run on', async (t) => {
  // Their package.json says >=22, though the one carries a build for 20 and the other needs none; npm leaves out optional
  // packages whose engines exclude the running Node.
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { engines?: unknown; optional?: boolean }>;
  };
  for (const name of ['uWebSockets.js', '@nats-io/nuid']) {
    const entry = lock.packages[`node_modules/${name}`];
    t.ok(entry?.optional, name);
    t.equal(entry?.engines, undefined, name);
  }
});
