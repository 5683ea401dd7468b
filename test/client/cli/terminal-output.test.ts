import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import t, { type Test } from 'tap';
import { visibleText } from '../../../protocol/index.js';
import { visibleLogLine } from '../../../client/cli/terminal/log.js';
import { plainTable } from '../../../client/cli/terminal/table.js';
import { line, paint, TerminalText } from '../../../client/cli/terminal/terminal-text.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { ALL_HOSTILE, forbiddenIn, HOSTILE_TEXTS, withoutOurs } from '../../support/hostile-texts.js';
import { inFuture } from '../../support/leases.js';
import { PseudoTerminal } from '../../support/pseudo-terminal.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

/** Neither a record nor a command line can contain half of a surrogate pair. */
const HOSTILE = ALL_HOSTILE.replaceAll('\ud800', '');

function repositoryWithHostileTexts(t: Test): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => repository.dispose());
  // Each line of an address is an address of its own, which may begin a row of a table, as a run's name may.
  const common = { run_id: HOSTILE, branch: HOSTILE, addresses: ['src/a.py', HOSTILE.replaceAll(/[\r\n]/g, '')] };
  repository.rename('reservation', 'r\u200b1', { ...common, expires_at: inFuture(600_000) });
  repository.rename('intent', 'i1', { ...common, run_id: `other ${HOSTILE}`, operation: HOSTILE, detail: HOSTILE });
  repository.rename('task', 't1', { ...common, title: HOSTILE, [HOSTILE]: { [HOSTILE]: HOSTILE } });
  repository.rename('release', 'l1', { ...common, reason: HOSTILE, reservation_id: HOSTILE });
  return repository;
}

const SHOWN: readonly (readonly string[])[] = [
  ['watch', '--once'],
  ['get', 'reservations', '--format', 'text'],
  ['holders', 'src/a.py', '--format', 'text'],
  ['holders', 'src/a.py', '--json'],
  ['top'],
  ['top', '--json'],
];

t.test('control characters in records are escaped by every command, as text and as JSON', async (t) => {
  const { root } = repositoryWithHostileTexts(t);
  await Promise.all(
    SHOWN.map(async (args) => {
      const command = Command.museBus([...args, '--root', root]);
      await command.exit;
      const written = [...command.lines, ...command.errors];
      t.ok(written.length > 0, args.join(' '));
      t.same(written.flatMap(forbiddenIn), [], args.join(' '));
      t.notOk(
        written.some((text) => text.startsWith('✔ fine')),
        'nor does it begin a line',
      );
      if (args.includes('--json')) t.ok(JSON.stringify(command.json()).includes(JSON.stringify(HOSTILE).slice(1, -1)));
    }),
  );
});

t.test('ids that differ in invisible characters look different', async (t) => {
  const repository = repositoryWithHostileTexts(t);
  repository.rename('reservation', 'r1', { run_id: 'a', addresses: [] });
  const get = Command.museBus(['get', 'reservation', '--format', 'text', '--root', repository.root]);
  await get.exit;
  t.same(
    get.lines
      .slice(1)
      .map((text) => text.split(' ')[0])
      .sort(),
    ['r1', 'r\\u{200b}1'],
  );
});

t.test('errors are printed in lines that the quoted text cannot forge', async (t) => {
  const { root } = repositoryWithHostileTexts(t);
  const bus = join(root, '.muse', 'bus');
  mkdirSync(bus, { mode: 0o700 });
  const planted = (name: string, content: object): void => {
    writeFileSync(join(bus, name), JSON.stringify(content), { mode: 0o600 });
    chmodSync(join(bus, name), 0o600);
  };
  planted('config.json', { [HOSTILE]: 1 });
  const url = 'ws://127.0.0.1:1/\n✔ fine \u001b[32m';
  planted('endpoint.json', { url, token: 'x', version: 1, pid: 1 });
  const recording = join(root, 'recording.ndjson');
  const event = { event_type: 'added', kind: 'task', id: HOSTILE, timestamp: '2026-01-01T00:00:00Z', data: {} };
  writeFileSync(
    recording,
    `${JSON.stringify({ ...event, problem: HOSTILE })
      .replaceAll('\u2028', '\\u2028')
      .replaceAll('\u2029', '\\u2029')}\n`,
  );
  const wrongs: readonly (readonly string[])[] = [
    ['doctor', '--format', 'text', '--root', root],
    ['config', '--root', root],
    ['serve', '--root', root, '--host', HOSTILE],
    ['serve', '--root', root, '--limit', `${HOSTILE}=1`],
    ['watch', '--root', root, '--url', url],
    ['watch', '--root', root, '--kind', HOSTILE, '--json'],
    ['watch', `--${HOSTILE}`],
    ['serve', '--root', root, '--tls-cert', HOSTILE, '--tls-key', HOSTILE],
    ['replay', recording, '--speed', '0', '--format', 'text'],
    ['replay', recording, '--speed', '0', '--json'],
  ];
  await Promise.all(
    wrongs.map(async (args) => {
      const command = Command.museBus(args);
      await command.exit;
      const written = [...command.lines, ...command.errors];
      const name = args.slice(0, 1).map(visibleText).join(' ');
      t.ok(written.length > 0, name);
      t.same(written.flatMap(forbiddenIn), [], name);
      t.notOk(
        written.some((text) => /^\s*✔ fine/.test(text)),
        name,
      );
    }),
  );
});

/** Unsets NO_COLOR, because the environment of the tests may disable colours. */
const COLORED = ['env', '-u', 'NO_COLOR', process.execPath, MUSE_BUS];

t.test('a terminal receives no escape sequences except our own colors', { skip: PseudoTerminal.skip }, async (t) => {
  const { root } = repositoryWithHostileTexts(t);
  for (const args of [
    ['watch', '--once'],
    ['get', 'intent'],
  ]) {
    const shown = new PseudoTerminal(COLORED.concat(args, '--root', root));
    await shown.exit;
    t.match(shown.screen, '\u001b[', 'it is colored');
    t.same(forbiddenIn(withoutOurs(shown.screen)), [], args.join(' '));
  }
  const top = new PseudoTerminal(COLORED.concat('top', '--root', root));
  t.teardown(() => top.kill());
  await until('it is drawn', () => top.screen.includes('LEASES (1)'));
  top.type('q');
  await top.exit;
  t.same(forbiddenIn(withoutOurs(top.screen)), [], 'top');
});

t.test('columns are as wide as the terminal shows their texts', async (t) => {
  const rows = plainTable(
    [
      { head: 'A', cell: ({ a }) => a },
      { head: 'B', cell: () => 'b' },
    ],
    [{ a: '日本' }, { a: 'abcd' }, { a: 'e\u0301' }],
  );
  t.same(
    rows.map((row) => row.width),
    [7, 7, 7, 7],
  );
  t.equal(TerminalText.of('日本語').fit(3).written(pc), '日');
});

t.test('only a style of ours becomes an escape sequence, and a style stays with its piece', async (t) => {
  const colors = pc.createColors(true);
  const text = line`${paint.green('✔')} ${'\u001b[31mred'}`;
  t.equal(text.written(colors), '\u001b[32m✔\u001b[39m \\u{1b}[31mred');
  t.equal(text.written(pc.createColors(false)), '✔ \\u{1b}[31mred');
  t.equal(
    paint
      .red(line`${paint.bold('a')} b`)
      .fit(2)
      .written(colors),
    '\u001b[1ma\u001b[22m\u001b[31m \u001b[39m',
  );
});

t.test('a log line keeps its texts, and a terminal obeys none of them', async (t) => {
  const { root } = repositoryWithHostileTexts(t);
  // Settings from the environment are logged.
  const serve = Command.museBus(['serve', '--root', root, '--port', '0', '--no-journal', '--reconcile', '0.2'], {
    env: { MUSE_BUS_ALLOW_HOST: 'bus.example.com', MUSE_BUS_LOG_LEVEL: 'debug' },
  });
  writeFileSync(join(root, '.muse/coordination/tasks', 'a\u202eb.json'), '{}');
  await until('it has named the file', () => serve.errors.some((text) => text.includes('ignored')));
  serve.kill('SIGTERM');
  await serve.exit;
  t.same(serve.errors.flatMap(forbiddenIn), []);
});

for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
  t.test(`the log for people shows ${name}`, async (t) => {
    const error = { type: 'Error', message: text, stack: `Error: ${text}\n    at f (file:1:1)` };
    const shown = JSON.parse(visibleLogLine(JSON.stringify({ msg: text, [text]: [text], err: error }))) as {
      readonly msg: string;
      readonly err: { readonly stack: string };
    };
    t.equal(shown.msg, visibleText(text));
    t.equal(shown.err.stack, `Error: ${visibleText(text)}\n    at f (file:1:1)`);
    t.same(forbiddenIn(JSON.stringify(shown).replaceAll('\\n', '')), []);
  });
}
