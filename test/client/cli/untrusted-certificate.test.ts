import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Command } from '../../support/command.js';
import { makeCertificate } from '../../support/certificate.js';
import { ServedRepository } from '../../support/served-repository.js';

t.test(
  'every command reports a server whose certificate is not trusted, and no command reads the files instead',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'muse-bus-tls-'));
    const { certFile, keyFile } = makeCertificate(folder, 'bus');
    const repository = new ServedRepository({ tlsCertFile: certFile, tlsKeyFile: keyFile });
    t.teardown(async () => {
      await repository.stop();
      rmSync(folder, { recursive: true });
    });
    repository.rename('task', 't1', {});
    await repository.start();
    const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const command = Command.museBus(args, { cwd: repository.root, env });
      return { exit: await command.exit, lines: command.lines, errors: command.errors.join('\n') };
    };
    const commands = [
      ['get', 'tasks'],
      ['watch', '--once'],
      ['holders', 'src/'],
      ['wait', '--free', 'src/a.py', '--timeout', '5'],
    ];
    for (const args of commands) {
      const { exit, lines, errors } = await run(args);
      t.equal(exit, 1, args.join(' '));
      t.same(lines, [], 'nothing of the files');
      t.match(errors, /certificate of the bus is not trusted/);
      t.match(errors, /NODE_EXTRA_CA_CERTS/, 'and what to do');
    }
    const { exit, lines } = await run(['get', 'tasks'], { NODE_EXTRA_CA_CERTS: certFile });
    t.equal(exit, 0);
    t.match(lines.join('\n'), /t1/);
  },
);
