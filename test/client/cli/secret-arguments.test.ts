import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CliError } from '../../../client/cli/cli-error.js';
import {
  addressWithoutSecret,
  readTokenFile,
  refuseSecrets,
  withoutValue,
} from '../../../client/cli/settings/secret-arguments.js';
import { readTarget } from '../../../client/cli/commands/target.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { ServedRepository } from '../../support/served-repository.js';

const SECRET = 'hunter2hunter2';

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-token-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

function complaintOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CliError) return `${error.message} ${error.hint}`;
    throw error;
  }
  return '';
}

t.test('a secret as an argument is refused in every spelling, names what to use, and is not repeated', async (t) => {
  const variants: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['watch', '--token', SECRET], /--token is refused.*--token-file FILE.*MUSE_BUS_TOKEN/],
    [['get', 'task', `--token=${SECRET}`], /--token is refused.*--token-file FILE.*MUSE_BUS_TOKEN/],
    [['serve', '--token', SECRET], /--token is refused/],
    [['serve', `--relay-password=${SECRET}`], /--relay-password is refused.*MUSE_BUS_RELAY_PASSWORD/],
    [['edge', '--relay-token', SECRET], /--relay-token is refused.*--relay-token-file/],
  ];
  for (const [args, says] of variants) {
    const complaint = complaintOf(() => refuseSecrets(args));
    t.match(complaint, says, args.join(' '));
    t.notMatch(complaint, SECRET);
  }
  t.equal(
    complaintOf(() => refuseSecrets(['watch', '--token-file', 'f', '--', '--token', SECRET])),
    '',
  );
  t.equal(withoutValue(`error: unknown option '--passwd=${SECRET}'`), "error: unknown option '--passwd'");
  t.equal(
    withoutValue("error: unknown option '--kidn'\n(Did you mean --kind?)"),
    "error: unknown option '--kidn'\n(Did you mean --kind?)",
  );
});

t.test('every command refuses a secret as an argument, as text and as JSON, and no help offers it', async (t) => {
  for (const args of [
    ['watch', '--token', SECRET],
    ['get', 'task', `--token=${SECRET}`, '--json'],
    ['config', `--passwd=${SECRET}`],
  ]) {
    const command = Command.museBus(args);
    t.equal(await command.exit, 1);
    const said = [...command.lines, ...command.errors].join('\n');
    t.match(said, /--token-file|unknown option '--passwd'/);
    t.notMatch(said, SECRET);
  }
  const help = Command.museBus(['watch', '--help']);
  await help.exit;
  t.match(help.lines.join('\n'), /--token-file <file>/);
  t.notMatch(help.lines.join('\n'), /--token </);
});

t.test('an address with a secret in it is refused without being repeated', async (t) => {
  for (const url of [`ws://u:${SECRET}@h:1`, `http://127.0.0.1:1/#token=${SECRET}`, `ws://h:1/?token=${SECRET}`]) {
    for (const complaint of [
      complaintOf(() => readTarget({ url }, {})),
      complaintOf(() => readTarget({}, { MUSE_BUS_URL: url })),
    ]) {
      t.match(complaint, /must not contain a user, query or fragment.*--token-file/, url);
      t.notMatch(complaint, SECRET);
    }
  }
  t.equal(addressWithoutSecret('wss://[::1]:6873', '--url'), 'wss://[::1]:6873');
});

t.test('a token is read from a file or the environment, and the file overrides the environment', async (t) => {
  const file = join(folderOf(t), 'token');
  writeFileSync(file, `${SECRET}\n`);
  const url = 'ws://127.0.0.1:1';
  t.equal(readTarget({ url, tokenFile: file }, { MUSE_BUS_TOKEN: 'other' }).server?.token, SECRET);
  t.equal(readTarget({ url }, { MUSE_BUS_TOKEN: 'other' }).server?.token, 'other');
  t.equal(readTarget({ tokenFile: file }, { MUSE_BUS_URL: url }).server?.token, SECRET);
  t.match(
    complaintOf(() => readTarget({ tokenFile: file }, {})),
    /--token-file needs --url/,
  );
  t.match(
    complaintOf(() => readTarget({ tokenFile: file, root: '/x' }, { MUSE_BUS_URL: url })),
    /needs --url/,
  );
  t.match(
    complaintOf(() => readTarget({ url, tokenFile: '-' }, {}, 'taken')),
    /stdin carries the protocol/,
  );
});

t.test('a file without a token is refused, and the error does not show its content', async (t) => {
  const folder = folderOf(t);
  for (const [content, says] of [
    ['', /it is empty/],
    [`${SECRET}\nsecond line`, /one line of printable ASCII/],
    [`${SECRET}\u001b[2J`, /one line of printable ASCII/],
    [SECRET.repeat(1_000), /longer than 4096 bytes/],
  ] as const) {
    const file = join(folder, 'token');
    writeFileSync(file, content);
    const complaint = complaintOf(() => readTokenFile(file));
    t.match(complaint, says);
    t.notMatch(complaint, SECRET);
  }
  t.match(
    complaintOf(() => readTokenFile(join(folder, 'none'))),
    /cannot read the token from .*none: there is no such file/,
  );
  t.match(
    complaintOf(() => readTokenFile(folder)),
    /it is a directory/,
  );
});

t.test('a token from stdin is accepted, and is in no argument', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  repository.rename('task', 't1', { title: 'one' });
  const { url, token } = await repository.start();
  // The server is in this process: the command must not block it.
  const file = join(folderOf(t), 'token');
  writeFileSync(file, token);
  const script = `exec "$0" "$1" get task --json --url "$2" --token-file - < "$3"`;
  const get = new Command('sh', ['-c', script, process.execPath, MUSE_BUS, url, file]);
  t.equal(await get.exit, 0, get.errors.join('\n'));
  t.match(get.json(), [{ id: 't1' }]);
});
