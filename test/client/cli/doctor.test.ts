import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ownEndpoint } from '../../../server/repository/index.js';
import { examineConnection } from '../../../client/cli/doctor/server.js';
import { Command } from '../../support/command.js';
import { ScriptedServer } from '../../support/scripted-server.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'note' | 'wrong';
  readonly found: string;
  readonly advice?: string;
}

async function examine(root: string): Promise<{ readonly exit: number; readonly findings: Finding[] }> {
  const doctor = Command.museBus(['doctor', '--json', '--root', root]);
  return { exit: await doctor.exit, findings: doctor.json<Finding & Record<string, unknown>>() };
}

const wrong = (findings: readonly Finding[]): Finding[] => findings.filter(({ state }) => state === 'wrong');

t.test('if nothing is wrong, doctor says so and exits with 0', async (t) => {
  const repository = new ServedRepository({ journal: true, limits: { maxRecords: 5 } });
  t.teardown(() => repository.stop());
  await repository.start();
  const { exit, findings } = await examine(repository.root);
  t.strictSame(wrong(findings), []);
  t.equal(exit, 0);
  const checks = new Set(findings.map(({ check }) => check));
  for (const check of [
    'version',
    'node',
    'engine',
    'lmdb',
    'locks',
    'relay',
    'repository',
    'watching',
    'disk',
    'private files',
    'journal',
  ])
    t.ok(checks.has(check), check);
  for (const check of ['settings', 'server', 'clock', 'limits', 'readiness', 'durability', 'records'])
    t.ok(checks.has(check), check);
  const { found: limits } = findings.find(({ check }) => check === 'limits')!;
  t.equal(limits, 'max_records is 5, by default 1000000', 'the limits that are not as usual');
  const text = Command.museBus(['doctor', '--format', 'text', '--root', repository.root]);
  t.equal(await text.exit, 0);
  t.equal(text.lines.at(-1), 'Nothing is wrong.');
});

t.test('a missing server is a note, which says how to start one', async (t) => {
  const { findings, exit } = await examine(TemporaryRepository.for(t).root);
  t.equal(exit, 0);
  const server = findings.find(({ check }) => check === 'server');
  t.match(server, { state: 'note', found: 'not running', advice: /muse-bus serve/ });
});

t.test('every wrong finding says what to do, and the exit code is 1', async (t) => {
  interface Fault {
    readonly what: string;
    readonly cause: (repository: TemporaryRepository) => void;
    readonly finding: object;
  }
  const makeBus = (repository: TemporaryRepository): void => mkdirSync(repository.bus, { mode: 0o700 });
  const faults: readonly Fault[] = [
    {
      what: 'a token that others may read',
      cause: (repository) => {
        makeBus(repository);
        writeFileSync(join(repository.bus, 'token'), 'x');
        chmodSync(join(repository.bus, 'token'), 0o644);
      },
      finding: { check: 'private files', found: /token has mode 644/, advice: /chmod 600 .*token rotate/ },
    },
    {
      what: 'a directory that others may enter',
      cause: (repository) => {
        makeBus(repository);
        chmodSync(repository.bus, 0o755);
      },
      finding: { check: 'private files', found: /bus has mode 755/, advice: /chmod 700/ },
    },
    {
      what: 'a kind that is a link',
      cause: (repository) => {
        rmSync(repository.dir.of('task'), { recursive: true });
        symlinkSync('/tmp', repository.dir.of('task'));
      },
      finding: { check: 'watching', found: /is a symbolic link/, advice: String },
    },
    {
      what: 'a server that was killed',
      cause: (repository) => {
        makeBus(repository);
        const endpoint = { ...ownEndpoint('ws://127.0.0.1:9', 'x', new Date()), process_started: '1' };
        writeFileSync(join(repository.bus, 'endpoint.json'), JSON.stringify(endpoint), { mode: 0o600 });
      },
      finding: {
        check: 'server',
        found: /is not trusted: it names process \d+, which is not the one/,
        advice: /muse-bus serve/,
      },
    },
  ];
  for (const { what, cause, finding } of faults) {
    const repository = TemporaryRepository.for(t);
    cause(repository);
    const { exit, findings } = await examine(repository.root);
    t.equal(exit, 1, what);
    t.match(wrong(findings), [finding], what);
    t.equal(wrong(findings).length, 1, what);
  }
});

t.test('invalid settings of the user are wrong', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'muse-bus-user-'));
  t.teardown(() => {
    rmSync(home, { recursive: true });
  });
  mkdirSync(join(home, 'muse-bus'));
  writeFileSync(join(home, 'muse-bus', 'config.json'), '{"prot": 1}');
  const env = { XDG_CONFIG_HOME: home };
  const doctor = Command.museBus(['doctor', '--json', '--root', TemporaryRepository.for(t).root], { env });
  t.equal(await doctor.exit, 1);
  const found = wrong(doctor.json<Finding & Record<string, unknown>>());
  t.match(found, [{ check: 'settings', found: /no setting "prot"/, advice: /did you mean port/ }]);
});

t.test('records with a problem are wrong, and so is a directory outside any repository', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  repository.raw('claim', 'broken', '{');
  await repository.start();
  const broken = await examine(repository.root);
  t.equal(broken.exit, 1);
  t.match(wrong(broken.findings), [{ check: 'records', found: /1 with a problem: claim broken: invalid-json/ }]);
  const outside = await examine('/');
  t.equal(outside.exit, 1);
  t.match(wrong(outside.findings), [{ check: 'repository', advice: /--root/ }]);
});

t.test('doctor does not wait for ever for an edge whose origin is away', async (t) => {
  const server = new ScriptedServer();
  const client = await server.welcomedClient();
  const findings = examineConnection(client);
  server.clock.advance(5_000);
  t.match(await findings, [{ check: 'server', state: 'wrong', advice: /NATS or its origin is away/ }]);
  await client.close();
});
