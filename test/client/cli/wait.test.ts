import { symlinkSync } from 'node:fs';
import t from 'tap';
import { Command, MUSE_BUS } from '../../support/command.js';
import { inFuture, reservation } from '../../support/leases.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

// Each test waits for processes most of the time.
t.jobs = 3;

const wait = (root: string, ...args: readonly string[]): Command =>
  Command.museBus(['wait', '--root', root, '--json', ...args]);

t.test('wait ends at once if nobody holds the address', async (t) => {
  const repository = TemporaryRepository.for(t);
  const waiting = wait(repository.root, '--free', 'src/a.py');
  t.equal(await waiting.exit, 0);
  t.strictSame(waiting.json(), [{ status: 'free', address: 'src/a.py' }]);
});

t.test('wait for an address that stays held times out with exit code 2, and names the holder', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f']));
  for (const timeout of ['0', '0.2']) {
    const waiting = wait(repository.root, '--free', 'src/a.py', '--timeout', timeout);
    t.equal(await waiting.exit, 2);
    t.match(waiting.json(), [{ status: 'timed_out', holders: [{ reservation: 'r1', run_id: 'agent-1' }] }]);
  }
});

t.test('an address that is held is not free because nobody reads what wait prints', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py']));
  const line = `"${process.execPath}" "${MUSE_BUS}" wait --root "${repository.root}" --free src/a.py --timeout 1 --json`;
  const piped = new Command('bash', ['-c', `${line} | true; echo "\${PIPESTATUS[0]}"`]);
  await piped.exit;
  t.strictSame(piped.lines, ['2']);
});

t.test('several addresses are free when nobody holds any of them, and each must be one', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py']));
  const waiting = wait(repository.root, '--free', 'src/a.py', '--free', 'src/b.py', '--timeout', '0');
  t.equal(await waiting.exit, 2);
  t.match(waiting.json(), [{ address: 'src/a.py, src/b.py', holders: [{ reservation: 'r1' }] }]);
  const unset = wait(repository.root, '--free', '', '--free', 'src/b.py', '--timeout', '0');
  t.equal(await unset.exit, 1);
});

t.test('an address is free on a branch that nobody holds it on', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f']));
  t.equal(await wait(repository.root, '--free', 'src/a.py::f', '--branch', 'dev').exit, 0);
});

t.test('a lease that lapses frees its address, also without a server', async (t) => {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py'], { expires_at: inFuture(1_500) }));
  const waiting = wait(repository.root, '--free', 'src/a.py', '--timeout', '60');
  t.equal(await waiting.exit, 0);
});

t.test('a release that a server delivers frees the address', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => repository.stop());
  await repository.start();
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py']));
  const waiting = wait(repository.root, '--free', 'src/a.py', '--timeout', '60');
  await until('it is connected', () => repository.server.bus.connectionCount === 1);
  t.strictSame(waiting.lines, []);
  repository.rename('release', 'l1', { reservation_id: 'r1', run_id: 'agent-1' });
  t.equal(await waiting.exit, 0);
});

t.test('wait reports that its server stopped, and continues with the files', async (t) => {
  const repository = new ServedRepository();
  t.teardown(() => {
    repository.dispose();
  });
  await repository.start();
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py']));
  const waiting = wait(repository.root, '--free', 'src/a.py', '--timeout', '60');
  await until('it is connected', () => repository.server.bus.connectionCount === 1);
  await repository.server.stop();
  await until('it says so', () =>
    waiting.errors.some((line) => /^the bus cannot be reached .* or the files$/.test(line)),
  );
  t.strictSame(waiting.lines, [], 'nothing is reported as free meanwhile');
  repository.rename('release', 'l1', { reservation_id: 'r1', run_id: 'agent-1' });
  t.equal(await waiting.exit, 0);
});

t.test('an address whose holders cannot be known is unknown after the timeout, and never called free', async (t) => {
  const repository = TemporaryRepository.for(t);
  // A linked directory does not belong to the repository, so the reservations are unknown.
  repository.removeDirectory('reservation');
  symlinkSync('/nowhere', repository.dir.of('reservation'));
  const waiting = wait(repository.root, '--free', 'src/a.py', '--timeout', '0');
  t.not(await waiting.exit, 0);
  t.notMatch(waiting.json(), [{ status: 'free' }]);
});

t.test('wait refuses invalid arguments', async (t) => {
  const repository = TemporaryRepository.for(t);
  for (const args of [[], ['--free', ''], ['--free', 'a', '--timeout', '-1'], ['--free', 'a', '--timeout', 'soon']]) {
    const waiting = wait(repository.root, ...args);
    t.equal(await waiting.exit, 1, args.join(' '));
    t.match(waiting.json(), [{ status: 'bad_args', error: String }]);
  }
});
