import { spawn } from 'node:child_process';
import t, { type Test } from 'tap';
import type { BusEvent } from '../../../protocol/index.js';
import { BusServer } from '../../../server/index.js';
import { Command, MUSE_BUS } from '../../support/command.js';
import { reservation } from '../../support/leases.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until, untilFound } from '../../support/until.js';

async function served(t: Test): Promise<ServedRepository> {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  return repository;
}

const watch = (t: Test, root: string, ...args: readonly string[]): Command => {
  const command = Command.museBus(['watch', '--json', '--root', root, ...args]);
  t.teardown(() => {
    command.kill('SIGKILL');
  });
  return command;
};

const seen = (command: Command): string[] =>
  command.json<BusEvent>().map(({ event_type, id }) => `${event_type} ${id}`);

t.test('--address and --event-type show events that match any of their values', async (t) => {
  const repository = await served(t);
  repository.rename('reservation', 'a', reservation('agent-1', ['src/a.py::f']));
  repository.rename('reservation', 'b', reservation('agent-1', ['src/b.py::f']));
  repository.rename('reservation', 'c', reservation('agent-1', ['lib/c.py::f']));
  const both = watch(t, repository.root, '--once', '--address', 'src/a.py::f', '--address', 'lib/**');
  t.equal(await both.exit, 0);
  t.strictSame(seen(both), ['snapshot a', 'snapshot c']);
  const changes = watch(t, repository.root, '--event-type', 'added', '--event-type', 'removed');
  let added = 0;
  await until('an addition is seen', () => {
    repository.rename('task', `t${String(added++)}`, {});
    return changes.lines.length > 0;
  });
  repository.rename('reservation', 'b', {});
  repository.remove('reservation', 'a');
  await until('the removal is seen', () => seen(changes).includes('removed a'));
  t.ok(seen(changes).every((line) => /^(added t\d+|removed a)$/.test(line)));
});

t.test('--since shows exactly the events after the cursor', async (t) => {
  const repository = await served(t);
  repository.rename('task', 'before', {});
  const first = watch(t, repository.root, '--once');
  await first.exit;
  const { cursor } = first.json<BusEvent>().at(-1)!;
  repository.rename('task', 'after', {});
  const resumed = watch(t, repository.root, '--since', cursor, '--max-events', '1');
  t.equal(await resumed.exit, 0);
  t.strictSame(seen(resumed), ['added after']);
});

t.test('a cursor that cannot be resumed from is reported on a line that is not an event', async (t) => {
  const repository = await served(t);
  repository.rename('task', 't1', {});
  const lost = watch(t, repository.root, '--since', 'ANOTHER:7', '--once');
  t.equal(await lost.exit, 0);
  const [resync, event, synced] = lost.json();
  t.strictSame(resync, { status: 'resync', reason: 'epoch' });
  t.match(event, { event_type: 'snapshot', id: 't1' });
  t.match(synced, { status: 'synced', cursor: String });
  const text = Command.museBus(['watch', '--root', repository.root, '--since', 'ANOTHER:7', '--once']);
  t.equal(await text.exit, 0);
  t.match(text.errors.join('\n'), /history was lost \(epoch\)/);
});

t.test('--no-snapshot begins with the next change, --idle-timeout ends without one', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  repository.rename('task', 't1', {});
  const idle = watch(t, repository.root, '--no-snapshot', '--idle-timeout', '0.3');
  t.equal(await idle.exit, 0);
  t.strictSame(idle.lines, []);
});

t.test('in JSON a lost connection and its return are lines, and no event between them is missed', async (t) => {
  const repository = await served(t);
  const watching = watch(t, repository.root);
  repository.rename('task', 't1', {});
  await until('t1 is seen', () => watching.lines.length === 1);
  await repository.server.stop();
  const away = await untilFound('the loss is reported', () => watching.json().find(({ status }) => status));
  t.match(away, { status: 'reconnecting', attempt: 1, delay_ms: Number, cause: /shutdown/ });
  t.notOk('event_type' in away);
  repository.rename('task', 't2', {});
  const successor = new BusServer({ root: repository.root, port: 0 });
  t.teardown(() => successor.stop());
  await successor.start();
  await until('t2 is seen', () => watching.json().some(({ id }) => id === 't2'));
  t.ok(watching.json().some(({ status }) => status === 'connected'));
  watching.kill('SIGTERM');
  t.equal(await watching.exit, 0);
});

t.test('an error is an object with --json, a line on stderr without', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const variants: readonly { readonly args: readonly string[]; readonly error: RegExp }[] = [
    { args: ['--since', 'yesterday'], error: /--since must be a cursor/ },
    { args: ['--event-type', 'change'], error: /--event-type: "change" is no event type/ },
    { args: ['--timeout', '-1'], error: /--timeout must be >= 0, got -1\.0/ },
    { args: ['--idle-timeout', '-1e0'], error: /--idle-timeout must be >= 0, got -1e0/ },
    { args: ['--address', '*'.repeat(600)], error: /--address: a value has 600 characters/ },
    { args: ['--adress', 'x'], error: /unknown option '--adress'.*--address/s },
  ];
  for (const { args, error } of variants) {
    const json = watch(t, repository.root, ...args);
    t.equal(await json.exit, 1, args.join(' '));
    t.match(json.json(), [{ error, status: 'bad_args' }]);
    t.strictSame(json.errors, []);
    const text = Command.museBus(['watch', '--root', repository.root, ...args]);
    t.equal(await text.exit, 1);
    t.match(text.errors.join('\n'), error);
    t.strictSame(text.lines, []);
  }
});

t.test('a reader that closes the pipe ends the watch quietly, even without an event', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const inShell = (script: string): Command =>
    new Command('bash', ['-c', `muse_bus() { "${process.execPath}" "${MUSE_BUS}" "$@"; }; ${script}`]);
  for (const flags of ['', '--json --no-snapshot']) {
    const piped = inShell(`muse_bus watch --root ${repository.root} ${flags} | sleep 0.5; echo "\${PIPESTATUS[0]}"`);
    t.equal(await piped.exit, 0);
    t.strictSame(piped.lines, ['0'], `watch ${flags} exits 0`);
    t.strictSame(piped.errors, []);
  }
});

t.test('a parent that closes its end of a socket ends the watch too', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const child = spawn(process.execPath, [MUSE_BUS, 'watch', '--root', repository.root], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.destroy();
  t.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
});

t.test('a slow reader receives every line of a long answer', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const text = 'x'.repeat(10_000);
  for (let i = 0; i < 100; i++) repository.rename('task', `t${String(i)}`, { text });
  const command = `"${process.execPath}" "${MUSE_BUS}" get task --root ${repository.root}`;
  const piped = new Command('bash', ['-c', `${command} | { sleep 0.5; wc -l; }`]);
  await piped.exit;
  t.equal(piped.lines[0]?.trim(), '100');
});
