import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { decide } from '../../../client/cli/hook/decision.js';
import { decisionText } from '../../../client/cli/hook/decision-text.js';
import {
  commandLine,
  holdersCommand,
  waitCommand,
  watchRecord,
  watchRun,
} from '../../../client/inspector/model/copied-command.js';
import { deriveState } from '../../../client/inspector/worker/derived-state.js';
import { parseAddress, shellWord, type LeaseForm } from '../../../protocol/index.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { CapturedEvents, NOON } from '../../support/entries.js';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const ODD_NAMES = [
  `it's $(touch owned) \`touch owned\` "$HOME" ; & | > owned`,
  '-rf',
  '--json',
  '!event ^ ~ * ? [a] {b,c} #',
  'back\\slash\\n',
  'two  blanks ',
  'агент-7 代理人',
  "a\nb\t'c'\\\u001b[31m7",
  ...Object.values(HOSTILE_TEXTS).filter((text) => text.isWellFormed()),
];

/** Runs lines in a shell in which `muse-bus` is the built command. @returns the output of each line and its exit code */
async function inShell(cwd: string, lines: readonly string[], shell = 'bash'): Promise<string[]> {
  const script = [`muse-bus() { ${shellWord(process.execPath)} ${shellWord(MUSE_BUS)} "$@"; }`];
  for (const line of lines) script.push(line, `printf '=%s\\0\\n' "$?"`);
  const command = new Command(shell, ['-c', script.join('\n')], { cwd });
  await command.exit;
  return command.lines.join('\n').split(/\0\n?/).slice(0, -1);
}

t.test('a word is the same text after a shell has read it, whatever it contains', async (t) => {
  for (const shell of ['bash', 'zsh'].filter((name) => existsSync(`/usr/bin/${name}`))) {
    const read = await inShell(
      tmpdir(),
      ODD_NAMES.map((name) => `printf %s ${shellWord(name)}`),
      shell,
    );
    t.strictSame(
      read,
      ODD_NAMES.map((name) => `${name}=0`),
      shell,
    );
  }
  t.equal(shellWord('src/a.py::C.m'), 'src/a.py::C.m', 'what needs no quotes has none');
  t.equal(commandLine(holdersCommand('-x.py')), "muse-bus holders -- '-x.py'");
});

/** As a name of a file it may not have a slash, and as an address not blanks at its end. */
const NAME = `-o'dd $(touch owned) "x" \`y\` ; é`;

t.test(
  'each command that the inspector offers runs in the repository, and shows what it was copied from',
  async (t) => {
    const repository = new ServedRepository();
    await repository.start();
    t.teardown(() => repository.stop());
    const now = Date.now();
    const expires_at = new Date(now + 600_000).toISOString();
    repository.rename('reservation', NAME, { run_id: NAME, branch: 'main', addresses: [NAME], expires_at });
    repository.rename('task', 't', { run_id: NAME, task_id: 't', title: 'x' });
    const shown = await inShell(repository.root, [
      `${commandLine(watchRun(NAME))} --once`,
      `${commandLine(watchRecord('reservation', NAME))} --once`,
      commandLine(holdersCommand(NAME)),
      commandLine(waitCommand({ by: 'intent', wanted: [NAME] })),
      commandLine(waitCommand({ by: 'dependency', wanted: ['t'] })),
    ]);
    for (const [i, text] of shown.entries()) {
      t.match(text, /=0$/, `exit code of command ${String(i)}`);
      t.ok(text.includes(JSON.stringify(NAME)), `what command ${String(i)} shows`);
    }
    t.notOk(existsSync(join(repository.root, 'owned')));
  },
);

t.test('each command of a matter that needs attention is one that exists', async (t) => {
  const captured = new CapturedEvents()
    .reserve(0, 'r1', 'a', 'x', 600)
    .reserve(0, 'r2', 'b', 'x', 600)
    .reserve(0, 'r3', NAME, '-y', 10)
    .event(1, 'added', 'intent', 'i', { run_id: 'c', branch: 'main', addresses: ['-y'], reservation_id: 'gone' })
    .event(1, 'added', 'reservation', 'broken', {});
  const { attention } = deriveState(captured.timeline.head, NOON + 300_000, undefined);
  // One of each form; the others of this form differ in a name.
  const forms = new Map(
    attention.flatMap(({ command }) => (command ? [[command.slice(0, 2).join(' '), command] as const] : [])),
  );
  t.same([...forms.keys()].sort(), ['get intents', 'get reservations', 'holders x', 'watch --run-id']);
  const repository = TemporaryRepository.for(t);
  const shown = await inShell(
    repository.root,
    ['get intents', 'get reservations'].map((form) => commandLine(forms.get(form)!)),
  );
  t.same(shown, ['=0', '=0']);
});

t.test('the command in a denied edit waits for the file that was to be edited', async (t) => {
  const parsed = parseAddress(NAME);
  if (!parsed.ok) throw new Error(parsed.problem.text);
  const lease = { reservation: 'r', run_id: 'other', branch: 'main', addresses: [NAME], state: 'live' } as const;
  const holder: LeaseForm = {
    ...lease,
    operation: null,
    expires_at: null,
    effective_expires_at: new Date(NOON).toISOString(),
    extended_by: null,
  };
  const answer = { is: 'known', holders: [holder], doubt: undefined, situation: undefined, now: NOON } as const;
  const self = { run: 'me', branch: 'main' };
  const decision = decide([{ path: NAME, replaces: 'all', addresses: [parsed.address] }], answer, self, 'deny');
  if (decision.is === 'none') throw new Error('the edit was not denied');
  const text = decisionText(decision, { run: 'me', from: 'flag' }, { now: NOON, holders: [holder] });
  const command = /(muse-bus wait .*?); then edit again/.exec(text)?.[1] ?? 'no command';
  const repository = TemporaryRepository.for(t);
  const ask = command.replace('--timeout 60', '--timeout 0');
  repository.rename('reservation', 'r', { ...lease, expires_at: new Date(Date.now() + 600_000).toISOString() });
  t.match((await inShell(repository.root, [ask]))[0]!, /=2$/, `${ask}: held`);
  repository.remove('reservation', 'r');
  t.match((await inShell(repository.root, [ask]))[0]!, /=0$/, 'free');
});

t.test('the advice of doctor mends what it has found, in a directory of any name', async (t) => {
  const root = join(mkdtempSync(join(tmpdir(), 'muse-bus-test-')), `it's $(touch owned)`);
  t.teardown(() => {
    rmSync(join(root, '..'), { recursive: true, force: true });
  });
  mkdirSync(join(root, '.muse/bus'), { recursive: true, mode: 0o700 });
  const token = join(root, '.muse/bus/token');
  writeFileSync(token, 'x'.repeat(43));
  chmodSync(token, 0o644);
  const before = Command.museBus(['doctor', '--root', root]);
  await before.exit;
  const found = before.json().find(({ check, state }) => check === 'private files' && state === 'wrong');
  const advice = String(found?.['advice']).replace(/, then .*/, '');
  t.same(await inShell(tmpdir(), [advice]), ['=0'], before.lines.join('\n'));
  t.equal(statSync(token).mode & 0o777, 0o600);
});
