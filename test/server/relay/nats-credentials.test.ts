import * as transport from '@nats-io/transport-node';
import { createUser } from '@nats-io/nkeys';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { authenticatorsOf, openSecretsOf } from '../../../server/relay/nats-credentials.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SERVERS = { servers: ['nats://127.0.0.1:4222'] };

t.test(
  'what NATS is told is read from the files at each connection, and stays while they cannot be used',
  async (t) => {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'secret');
    const [one, two] = [createUser(), createUser()];
    const seed = (of: typeof one): string => `# a comment\n${Buffer.from(of.getSeed()).toString()}\n`;
    const cases = [
      {
        access: { user: 'a', passwordFile: file },
        contents: ['x\n', 'y\n'],
        told: [{ user: 'a', pass: 'x' }, { pass: 'y' }],
      },
      { access: { tokenFile: file }, contents: ['x\n', 'y'], told: [{ auth_token: 'x' }, { auth_token: 'y' }] },
      {
        access: { nkeyFile: file },
        contents: [seed(one), seed(two)],
        told: [{ nkey: one.getPublicKey() }, { nkey: two.getPublicKey() }],
        rubbish: 'SU',
      },
      { access: { credsFile: file }, contents: [], told: [], rubbish: 'no credentials' },
    ];
    for (const { access, contents, told, rubbish } of cases) {
      const [tell] = authenticatorsOf({ ...SERVERS, ...access }, transport);
      rmSync(file, { force: true });
      t.doesNotThrow(() => tell!('nonce'), 'a file that has never been there is no error');
      for (const [i, content] of contents.entries()) {
        writeFileSync(file, content);
        t.match(tell!('nonce'), told[i]!);
      }
      rmSync(file, { force: true });
      if (told.length > 0) t.match(tell!('nonce'), told.at(-1)!, 'it is gone for a moment');
      if (rubbish === undefined) continue;
      writeFileSync(file, rubbish);
      if (told.length > 0) t.match(tell!('nonce'), told.at(-1)!, 'it is half written');
      else t.doesNotThrow(() => tell!('nonce'));
    }
    const given = authenticatorsOf({ ...SERVERS, user: 'a', password: 'b', token: 'c' }, transport);
    t.strictSame(
      given.map((tell) => tell('nonce')),
      [{ user: 'a', pass: 'b' }, { auth_token: 'c' }],
    );
  },
);

t.test('a secret that every user of the host can use is named', { skip: process.platform === 'win32' }, async (t) => {
  const directory = temporaryDirectory(t);
  const [open, closed] = [join(directory, 'open'), join(directory, 'closed')];
  for (const [file, mode] of [
    [open, 0o644],
    [closed, 0o640],
  ] as const) {
    writeFileSync(file, 'x');
    chmodSync(file, mode);
  }
  t.strictSame(openSecretsOf({ ...SERVERS, tokenFile: open, passwordFile: closed, credsFile: '/nowhere' }), [open]);
});
