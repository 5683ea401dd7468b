import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { systemErrorWords } from '../../../protocol/index.js';
import { toCliError } from '../../../client/cli/cli-error.js';
import { readRecording } from '../../../client/cli/commands/recording.js';
import { readTarget } from '../../../client/cli/commands/target.js';
import { fileError } from '../../../client/cli/file-error.js';
import { readTokenFile } from '../../../client/cli/settings/secret-arguments.js';
import { readTls } from '../../../server/config/tls-files.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const failed = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: some words, open '/a, b'`), { code, ...more });

t.test('a file that cannot be read says why in words and what to do, whoever reads it', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'folder'));
  writeFileSync(join(directory, 'file'), '');
  const readers: Readonly<Record<string, (path: string) => unknown>> = {
    'a recording': (path) => readRecording(path).next(),
    '--endpoint': (endpoint) => readTarget({ endpoint }, {}),
    MUSE_BUS_ENDPOINT: (path) => readTarget({}, { MUSE_BUS_ENDPOINT: path }),
    '--token-file': readTokenFile,
    '--tls-cert': (path) => readTls({ certFile: path, keyFile: path }),
  };
  const faults = [
    ['absent', /there is no such file or directory/],
    ['folder', /it is a directory/],
    ['file/below', /a part of its path is not a directory/],
  ] as const;
  for (const [name, read] of Object.entries(readers)) {
    for (const [path, says] of faults) {
      const error: unknown = await Promise.resolve(join(directory, path))
        .then(read)
        .catch((thrown: unknown) => thrown);
      const { message, hint } = toCliError(error);
      t.match(message, says, `${name}: ${path}`);
      t.match(message, path, 'which file');
      t.notMatch(`${message} ${hint}`, /\bE[A-Z]{4,}\b|syscall|, open '/);
    }
  }
});

t.test('the advice fits the fault', async (t) => {
  const adviceOn = (verb: 'read' | 'write', path: string, code: string) => fileError(verb, path, failed(code)).hint;
  t.equal(adviceOn('write', '/nowhere/night.ndjson', 'ENOENT'), 'make the directory /nowhere first');
  t.equal(adviceOn('read', 'night.ndjson', 'ENOENT'), `check the path; it was looked for from ${process.cwd()}`);
  t.equal(adviceOn('read', '/etc', 'EISDIR'), 'name a file in it');
  t.match(fileError('write', '', failed('ENOENT')), {
    message: "cannot write '': there is no such file or directory",
    hint: 'name a file: the name is empty',
  });
  t.equal(adviceOn('write', '/etc/x', 'EACCES'), 'change its permissions, or choose another file');
  t.equal(adviceOn('write', '/etc/x', 'ENOSPC'), 'choose another place');
});

t.test(
  'a failed call that nothing else has explained says the file and the reason; flags have their own names',
  async (t) => {
    const message = (error: unknown): string => toCliError(error).message;
    t.equal(
      message(failed('EROFS', { syscall: 'mkdir', path: '/srv/.muse' })),
      'cannot make /srv/.muse: the file system is read-only',
    );
    t.equal(message(new Error('other')), 'other');
    t.equal(systemErrorWords(failed('EWEIRD')), 'some words', 'a code without words');
    t.equal(systemErrorWords('text'), 'text');
    const option = Object.assign(new Error('tlsCertFile and tlsKeyFile must fit'), { name: 'OptionError' });
    t.equal(message(option), '--tls-cert and --tls-key must fit');
  },
);
