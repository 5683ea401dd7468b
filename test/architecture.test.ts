import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint, type Linter } from 'eslint';
import t from 'tap';
import tseslint from 'typescript-eslint';
import { mayImport, PURE_ROOMS, ROOMS } from '../.eslint/rooms.js';
import { PORTED, SYSTEM } from '../.eslint/system.js';
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

/** Those imports of a folder's files that a rule does not allow, as `file → target`. */
function breaches(folder: string, isAllowed: (target: string) => boolean): string[] {
  const imports = sourcesIn(folder).flatMap(importsOf);
  return imports.filter(({ target }) => !isAllowed(target)).map(({ file, target }) => `${file} → ${target}`);
}

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

/** The lint as it is, without the rules that need types: a planted file is in no program. */
const lint = new ESLint({
  cwd: ROOT,
  overrideConfig: [
    {
      files: ['**/*.ts', '**/*.tsx'],
      languageOptions: { parserOptions: { project: null } },
      rules: tseslint.configs.disableTypeChecked.rules ?? {},
    },
  ],
});

/** What the rules that keep the layout say of a text that is planted at a path. */
async function layoutMessages(filePath: string, text: string): Promise<Linter.LintMessage[]> {
  const [result] = await lint.lintText(text, { filePath: join(ROOT, filePath) });
  t.notOk(result!.fatalErrorCount, `${filePath} is parsed`);
  return result!.messages.filter(({ ruleId }) => /^rooms\/|^no-restricted-/.test(ruleId ?? ''));
}

/** The names of those rules. */
const layoutFaults = async (filePath: string, text: string): Promise<string[]> =>
  (await layoutMessages(filePath, text)).map(({ ruleId }) => ruleId!);

function pathFrom(file: string, target: string): string {
  const path = relative(dirname(file), target);
  return path.startsWith('.') ? path : `./${path}`;
}

const planted = (file: string, target: string): Promise<string[]> =>
  layoutFaults(file, `export type { X } from '${pathFrom(file, target)}';\n`);

const rooms = Object.keys(ROOMS);
const isFile = (room: string): boolean => [`${room}.ts`, `${room}.tsx`].some((path) => existsSync(join(ROOT, path)));
const fileIn = (room: string): string => (isFile(room) ? `${room}.ts` : `${room}/planted.ts`);

t.test('the lint reports each import between rooms that the table does not allow, and no other', async (t) => {
  for (const room of rooms) {
    const file = fileIn(room);
    const others = rooms.filter((name) => name !== room);
    const targets = others.map((other) => fileIn(other).replace(/ts$/, 'js'));
    // One line for each import: to lint a file takes as long for one import as for all.
    const lines = targets.map((target, i) => `export type { X as X${String(i)} } from '${pathFrom(file, target)}';`);
    const refused = (await layoutMessages(file, lines.join('\n')))
      .filter(({ ruleId }) => ruleId === 'rooms/arrows')
      .map(({ line }) => line - 1);
    for (const [i, other] of others.entries())
      t.equal(refused.includes(i), !mayImport(file, targets[i]!), `${room} → ${other}`);
  }
});

t.test('the table says who may look at whom', async (t) => {
  const denied: readonly [file: string, target: string][] = [
    ['protocol/wire/x.ts', 'server/index.js'],
    ['protocol/swarm/x.ts', 'client/sdk/index.js'],
    ['server/bus.ts', 'protocol/wire/messages.js'],
    ['server/bus.ts', 'client/sdk/index.js'],
    ['server/repository/x.ts', 'server/runtime/clock.js'],
    ['server/store/x.ts', 'server/runtime/clock.js'],
    ['server/delivery/x.ts', 'server/runtime/clock.js'],
    ['server/network/x.ts', 'server/bus.js'],
    ['client/cli/x.ts', 'server/bus.js'],
    ['client/sdk/connect.ts', 'server/index.js'],
    ['client/inspector/x.ts', 'server/repository/index.js'],
    ['client/sdk/x.ts', 'client/cli/program.js'],
    ['server/x.ts', 'test/support/until.js'],
    ['client/x.ts', 'bench/main.js'],
  ];
  for (const [file, target] of denied) t.notOk(mayImport(file, target), `${file} → ${target}`);
  for (const [file, target] of [
    ['server/bus.ts', 'server/store/history.js'],
    ['server/network/x.ts', 'server/sessions/session.js'],
    ['client/sdk/testing.ts', 'server/index.js'],
    ['client/cli/x.ts', 'server/repository/index.js'],
    ['test/x.test.ts', 'server/bus.js'],
  ] as const)
    t.ok(mayImport(file, target), `${file} → ${target}`);
});

t.test('each folder of the server and the protocol is a room, and each room exists', async (t) => {
  for (const top of ['server', 'protocol', 'client']) {
    const folders = readdirSync(join(ROOT, top), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) t.ok(rooms.includes(`${top}/${name}`), `${top}/${name} is in .eslint/rooms.js`);
  }
  for (const room of [...rooms, ...Object.values(ROOMS).flat()])
    t.ok(existsSync(join(ROOT, room)) || isFile(room), `${room} exists`);
});

t.test('no room of the server looks at another that looks back at it', async (t) => {
  const follow = (room: string, path: readonly string[]): void => {
    t.notOk(path.includes(room), [...path, room].join(' → '));
    const next = (ROOMS[room] ?? []).filter((other) => other.startsWith('server/'));
    if (!path.includes(room)) for (const other of next) follow(other, [...path, room]);
  };
  for (const room of rooms.filter((name) => name.startsWith('server/'))) follow(room, []);
});

t.test('the lint reports a circle of imports, between rooms and inside one', async (t) => {
  const circles: readonly [file: string, target: string][] = [
    ['server/delivery/port.ts', 'server/delivery/fan-out.js'],
    ['server/delivery/port.ts', 'server/delivery/port.js'],
    ['server/watch/ingest.ts', 'server/bus.js'],
    ['protocol/wire/event.ts', 'protocol/index.js'],
  ];
  for (const [file, target] of circles)
    t.ok((await planted(file, target)).includes('rooms/no-circle'), `${file} → ${target}`);
  t.same(
    await planted('server/delivery/fan-out.ts', 'server/delivery/port.js'),
    [],
    'an import that leads nowhere back',
  );
});

t.test('the lint reports what a pure room may not have: files, sockets, engines, timers and clocks', async (t) => {
  const adapters = ['fs', 'net', 'http', 'https', 'timers', 'child_process', 'worker_threads', 'process'].flatMap(
    (name) => [name, `node:${name}`, `node:${name}/promises`],
  );
  const packages = [...adapters, 'ws', 'uWebSockets.js', 'lmdb', 'fs-extra'];
  const timing = [
    'Date.now()',
    'new Date()',
    'performance.now()',
    'globalThis.performance.now()',
    'process.hrtime()',
    'process.nextTick(f)',
    'setTimeout(f)',
    'setInterval(f)',
    'setImmediate(f)',
    'globalThis.setTimeout(f)',
    'queueMicrotask(f)',
    'watch.elapsed()',
    'clock',
  ];
  t.same(PURE_ROOMS, ['protocol/swarm', 'server/store', 'server/delivery']);
  for (const room of PURE_ROOMS) {
    for (const name of packages)
      t.ok(
        (await layoutFaults(`${room}/planted.ts`, `import '${name}';\n`)).includes('rooms/arrows'),
        `${room}: ${name}`,
      );
    t.ok(
      (await layoutFaults(`${room}/planted.ts`, `await import('ws');\n`)).includes('rooms/arrows'),
      `${room}: import()`,
    );
    for (const code of timing)
      t.match(
        (await layoutFaults(`${room}/planted.ts`, `export const x = ${code};\n`)).join(),
        /no-restricted-/,
        `${room}: ${code}`,
      );
  }
  t.same(await layoutFaults('server/store/planted.ts', 'export const at = new Date(0);\n'), [], 'a given time');
});

t.test('the lint reports an import of Node where code runs in browsers, too', async (t) => {
  for (const room of ['protocol', 'protocol/wire', 'client/inspector/model'])
    t.same(await layoutFaults(`${room}/planted.ts`, `import 'node:fs';\n`), ['rooms/arrows'], room);
});

t.test(
  'the lint reports each way to the system past the ports, and the table names only files that take it',
  async (t) => {
    const faultsOf = async (file: string, text: string): Promise<boolean> =>
      (await layoutFaults(file, text)).includes('rooms/ports');
    for (const [way, { packages = [], calls = [], names = [], users }] of Object.entries(SYSTEM)) {
      const texts = [
        ...packages.flatMap((name) => [`import { x } from '${name}';\n`, `await import('${name}');\n`]),
        ...calls.map((call) => `${call}();\n`),
        ...names.map((name) => `import { ${name} } from 'node:crypto';\n`),
      ];
      for (const text of texts) t.ok(await faultsOf('server/watch/planted.ts', text), `${way}: ${text}`);
      t.ok((await faultsOf('client/sdk/planted.ts', texts[0]!)) || users.includes('client/sdk'), `${way} in the SDK`);
      for (const user of users) {
        const files = isFile(user) ? [`${user}.ts`] : sourcesIn(user);
        const uses = files.some((file) => {
          const text = read(file);
          return (
            [...packages, ...names].some((name) => text.includes(name)) ||
            calls.some((call) => text.includes(`${call}(`))
          );
        });
        t.ok(uses, `${user} takes ${way}`);
      }
    }
    t.same(PORTED, ['server', 'client/sdk']);
    t.notOk(await faultsOf('server/watch/planted.ts', "import type { Stats } from 'node:fs';\n"), 'a type is no way');
    t.notOk(await faultsOf('server/watch/planted.ts', 'new Date(0);\n'), 'a given time');
    t.ok(await faultsOf('server/watch/planted.ts', 'globalThis.setTimeout(f);\n'));
  },
);

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
  // This one reads those that keys send.
  t.same(styled, ['client/cli/commands/top-keys.ts'], 'no other file makes an escape sequence');
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
