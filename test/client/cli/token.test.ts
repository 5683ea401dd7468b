import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

t.test('without a server rotate creates a new token', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const token = (): string => readFileSync(join(repository.state, 'token'), 'utf8');
  t.equal(await Command.museBus(['token', 'rotate', '--root', repository.root]).exit, 0);
  const first = token();
  const rotate = Command.museBus(['token', 'rotate', '--json', '--root', repository.root]);
  t.equal(await rotate.exit, 0);
  t.not(token(), first);
  t.strictSame(rotate.json(), [{ status: 'rotated', server: null }]);
  t.notMatch(rotate.lines.join(''), token().trim());
});

t.test('a server uses the new token; clients that look it up reconnect, others are disconnected', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const serve = Command.museBus(['serve', '--root', repository.root, '--port', '0']);
  t.teardown(() => {
    serve.kill('SIGKILL');
  });
  await until('it serves', () => serve.lines.length === 1);
  const endpoint = JSON.parse(readFileSync(join(repository.bus, 'endpoint.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  await using finding = await connect({ root: repository.root, random: () => 0 });
  await using given = await connect({ ...endpoint, random: () => 0 });
  const watch = Command.museBus(['watch', '--json', '--root', repository.root]);
  t.teardown(() => {
    watch.kill('SIGKILL');
  });
  const rotate = Command.museBus(['token', 'rotate', '--root', repository.root]);
  t.equal(await rotate.exit, 0);
  t.match(rotate.lines[0], /The server at ws:\S+ uses the new one/);
  await until('the client with a given token is disconnected', () => given.status.state === 'closed');
  t.match(given.status, { state: 'closed', error: { code: 'unauthorized' } });
  await until('the client that looks it up is back', () => finding.status.state === 'live');
  repository.rename('task', 't1', {});
  await until('the watch goes on', () => watch.json().some(({ id }) => id === 't1'));
  serve.kill('SIGTERM');
  t.equal(await serve.exit, 0);
});
