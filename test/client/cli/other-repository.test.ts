import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectToServer } from '../../../client/cli/commands/source.js';
import { addressContext } from '../../../client/cli/commands/address-context.js';
import { readTarget } from '../../../client/cli/commands/target.js';
import { McpBus } from '../../../client/cli/mcp/bus.js';
import { BusServer } from '../../../server/index.js';
import { Command } from '../../support/command.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

async function served(t: Test): Promise<ServedRepository> {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  return repository;
}

/** The working directory is in one repository, while the environment names the bus of another. */
async function between(t: Test) {
  const named = await served(t);
  const here = TemporaryRepository.for(t);
  const before = process.cwd();
  process.chdir(here.root);
  t.teardown(() => {
    process.chdir(before);
  });
  return { named, here, env: { MUSE_BUS_ENDPOINT: named.endpointFile } };
}

t.test('a bus of another repository, which the environment names, is said to be so', async (t) => {
  const { named, here, env } = await between(t);
  const note = `MUSE_BUS_ENDPOINT names the bus of ${named.root}, and this directory is in ${here.root}`;
  const mcp = new McpBus(() => readTarget({}, env), { err: () => undefined });
  t.match(mcp.note, note, 'to a model, in the instructions of the server');
  const holders = Command.museBus(['holders', 'src/a.py'], { cwd: here.root, env });
  const doctor = Command.museBus(['doctor', '--json'], { cwd: here.root, env });
  t.equal(await holders.exit, 0);
  t.match(holders.errors.join('\n'), `note: ${note}`);
  await doctor.exit;
  t.match(
    doctor.json().filter(({ check }) => check === 'endpoint'),
    [{ state: 'wrong', found: note }],
  );
});

t.test('a path is one of the repository of the bus that is asked', async (t) => {
  const { named, here, env } = await between(t);
  const roots = (endpoint?: string): readonly string[] =>
    addressContext(readTarget(endpoint === undefined ? {} : { endpoint }, env)).roots ?? [];
  t.ok(roots().includes(named.root));
  t.notOk(roots().includes(here.root));
  const flag = readTarget({ endpoint: named.endpointFile }, {});
  t.ok(addressContext(flag).roots?.includes(named.root), 'also if a flag names it');
  t.equal(new McpBus(() => flag, { err: () => undefined }).note, undefined, 'what a flag names needs no note');
});

t.test('an endpoint file that is written anew is read anew, and one that is not there yet is looked for', async (t) => {
  const repository = TemporaryRepository.for(t);
  const endpoint = join(repository.root, '.muse/bus/endpoint.json');
  const mcp = new McpBus(() => readTarget({ endpoint }, {}), { err: () => undefined });
  t.teardown(() => mcp.close());
  await t.rejects(mcp.client(), /endpoint\.json, which --endpoint names/);
  const first = new BusServer({ root: repository.root, port: 0 });
  await first.start();
  t.equal((await mcp.client()).status.state, 'live');
  const client = await connectToServer(readTarget({ endpoint }, {}).server!, undefined);
  t.teardown(() => client.close());
  const second = new BusServer({ root: repository.root, port: 0 });
  t.teardown(() => second.stop());
  await first.stop();
  await until('it has noticed', () => client.status.state !== 'live');
  await second.start();
  await until('it is connected to the new port', () => client.status.state === 'live');
  await client.sync();
});
