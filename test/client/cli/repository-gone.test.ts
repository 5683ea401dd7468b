import { spawn } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import t from 'tap';
import { MUSE_BUS } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

t.test(
  'a server whose repository is moved away, and does not come back, ends with exit code 3 and says why',
  async (t) => {
    const repository = new TemporaryRepository();
    const away = `${repository.root}-away`;
    t.teardown(() => {
      rmSync(away, { recursive: true, force: true });
    });
    const args = ['serve', '--root', repository.root, '--port', '0', '--gone-after', '0.1'];
    const server = spawn(process.execPath, [MUSE_BUS, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await new Promise((resolve) => server.stdout.once('data', resolve));
    renameSync(repository.root, away);
    const code = await new Promise((resolve) => server.once('close', resolve));
    t.equal(code, 3);
    t.match(errors, /has not come back within 0\.1 s/);
    t.match(errors, /--gone-after/);
  },
);
