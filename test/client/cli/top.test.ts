import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Command, MUSE_BUS } from '../../support/command.js';
import { inFuture, reservation } from '../../support/leases.js';
import { PseudoTerminal } from '../../support/pseudo-terminal.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

function swarmRepository(t: { teardown(call: () => void): void }): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const halfAnHour = { expires_at: inFuture(1_800_000) };
  repository.rename('reservation', 'r1', reservation('agent-1', ['src/a.py::f', 'src/a.py::g'], halfAnHour));
  repository.rename('reservation', 'r2', reservation('agent-2', ['src/a.py::g']));
  repository.rename('intent', 'i1', { run_id: 'agent-1', addresses: ['src/a.py::f'], detail: 'rename f' });
  repository.rename('intent', 'i3', { run_id: 'agent-3', addresses: ['src/a.py::f'], operation: 'modify' });
  repository.rename('reservation', 'r4', reservation('agent-4', ['src/z.py'], { expires_at: inFuture(-60_000) }));
  return repository;
}

t.test('top --json lists the holders, the lapsed leases and the contended addresses', async (t) => {
  const { root } = swarmRepository(t);
  const top = Command.museBus(['top', '--json', '--root', root]);
  t.equal(await top.exit, 0);
  const [state] = top.json();
  t.match(state, {
    agents: [
      { run_id: 'agent-4', state: 'lapsed', leases: 0, seen_at: null },
      { run_id: 'agent-1', state: 'holding', ends_at: /Z$/, leases: 1, addresses: 2, doing: 'rename f' },
      { run_id: 'agent-2', state: 'holding', leases: 1, addresses: 1 },
      { run_id: 'agent-3', state: 'idle', leases: 0, ends_at: null },
    ],
    leases: [{ reservation: 'r1' }, { reservation: 'r2' }],
    waits: [{ run_id: 'agent-3', wanted: 'src/a.py::f', for: 'agent-1', blocked_by: 'r1', waiting_since: null }],
  });
  t.strictSame((state as { contention: unknown }).contention, [
    { address: 'src/a.py::g', what: 'collision', holders: ['agent-1', 'agent-2'], wanted: [] },
    { address: 'src/a.py::f', what: 'wanted', holders: ['agent-1'], wanted: ['agent-3'] },
  ]);
});

t.test('finished work waits for no holder, and work that ended long ago is counted, not listed', async (t) => {
  const repository = swarmRepository(t);
  for (let job = 0; job < 40; job++) {
    const ended = -36_000_000 - job * 1_000_000;
    const name = `job-${String(job)}`;
    const times = { created_at: inFuture(ended - 60_000), expires_at: inFuture(ended) };
    repository.rename('reservation', name, reservation(name, ['src/a.py::g'], times));
    repository.rename('intent', name, {
      run_id: name,
      reservation_id: name,
      addresses: ['src/a.py::g'],
      operation: 'rename',
      detail: '',
      created_at: times.created_at,
    });
  }
  const top = Command.museBus(['top', '--json', '--root', repository.root]);
  t.equal(await top.exit, 0);
  const [state] = top.json();
  t.match(state, { past: 40 });
  const { agents, contention } = state as { agents: unknown[]; contention: object[] };
  t.equal(agents.length, 4);
  t.match(contention[0], { address: 'src/a.py::g', holders: ['agent-1', 'agent-2'], wanted: [] });
});

t.test('in a pipe the table is printed once', async (t) => {
  const { root } = swarmRepository(t);
  const top = Command.museBus(['top', '--root', root]);
  t.equal(await top.exit, 0);
  const text = top.lines.join('\n');
  t.match(text, /^muse-bus top .*4 agents, 2 leases/);
  t.match(text, /CONTENTION \(2\)[^]*AGENTS \(4\)[^]*LEASES \(2\)/);
  t.match(text, /agent-1\s+main\s+holding\s+1\s+2\s+\d+m \d+s\s+rename f/);
  t.notMatch(text, '\u001b[');
});

t.test('one long name leaves room for everything else', { skip: PseudoTerminal.skip }, async (t) => {
  const repository = swarmRepository(t);
  repository.rename('reservation', 'long', reservation('long-'.repeat(80), ['src/long.py']));
  const top = PseudoTerminal.museBus(['top', '--root', repository.root]);
  t.teardown(() => {
    top.kill();
  });
  await until('it is drawn', () => top.frame.some((line) => line.startsWith('LEASES (3)')));
  t.match(top.screen, /long-long-[a-z-]*… .*src\/long\.py/);
  t.match(top.screen, /agent-1 +main +holding/);
  top.type('q');
  t.equal(await top.exit, 0);
});

t.test(
  'on TERM=dumb top prints its tables once, without an escape sequence',
  { skip: PseudoTerminal.skip },
  async (t) => {
    const { root } = swarmRepository(t);
    const top = new PseudoTerminal(['env', 'TERM=dumb', process.execPath, MUSE_BUS, 'top', '--root', root]);
    t.equal(await top.exit, 0);
    t.match(top.screen, 'LEASES (2)');
    t.notMatch(top.screen, '\u001b');
  },
);

t.test('SIGHUP leaves the second screen', { skip: PseudoTerminal.skip }, async (t) => {
  const { root } = swarmRepository(t);
  const hangUp = `"$1" "$2" top --root "$3" & read -r line; kill -HUP $!; wait $!`;
  const top = new PseudoTerminal(['sh', '-c', hangUp, 'sh', process.execPath, MUSE_BUS, root]);
  t.teardown(() => top.kill());
  await until('it is drawn', () => top.screen.includes('LEASES (2)'));
  top.type('\n');
  t.equal(await top.exit, 0);
  t.match(top.screen, '\u001b[?1049l');
});

t.test('a query narrows the tables that are printed', async (t) => {
  const { root } = swarmRepository(t);
  const top = Command.museBus(['top', '--once', '--query', 'run:agent-2', '--root', root]);
  t.equal(await top.exit, 0);
  const text = top.lines.join('\n');
  t.match(text, /AGENTS \(1 of 4\)[^]*LEASES \(1 of 2\)/);
  const wrong = Command.museBus(['top', '--query', 'kind:task', '--root', root]);
  t.equal(await wrong.exit, 1);
  t.match(wrong.errors[0], /--query: top does not use kind:/);
});

t.test('Ctrl-Z gives the terminal back, after fg the keys work', { skip: PseudoTerminal.skip }, async (t) => {
  const { root } = swarmRepository(t);
  const shell = new PseudoTerminal(['sh', '-i']);
  t.teardown(() => shell.kill());
  shell.type(`'${process.execPath}' '${MUSE_BUS}' top --root '${root}'\n`);
  await until('it is drawn', () => shell.screen.includes('LEASES (2)'));
  shell.type('\u001a');
  await until('the shell has the terminal', () => /1049l[^]*(?:Stopped|Suspended)/.test(shell.screen));
  const before = shell.screen.length;
  shell.type('fg\n');
  const since = (): string => shell.screen.slice(before);
  await until('it is drawn again', () => /1049h[^]*LEASES \(2\)/.test(since()));
  shell.type('?');
  await until('it reads keys', () => since().includes('fg continues'));
  shell.type('q');
  await until('it has ended', () => since().includes('\u001b[?1049l'));
  shell.type('exit\n');
  t.equal(await shell.exit, 0);
});

t.test('it follows the size of its window', { skip: PseudoTerminal.skip }, async (t) => {
  const { root } = swarmRepository(t);
  const tty = join(root, 'tty');
  const command = 'tty > "$4"; exec "$1" "$2" top --root "$3"';
  const top = new PseudoTerminal(['sh', '-c', command, 'sh', process.execPath, MUSE_BUS, root, tty]);
  t.teardown(() => top.kill());
  await until('it is drawn', () => top.frame.length === 30 && top.screen.includes('LEASES (2)'));
  execFileSync('stty', ['-F', readFileSync(tty, 'utf8').trim(), 'cols', '40', 'rows', '15']);
  await until('it is drawn in 15 rows', () => top.frame.length === 15);
  t.strictSame(
    top.frame.filter((line) => line.length > 40),
    [],
    'and in 40 columns',
  );
  t.match(top.frame.at(-1), 'q quits');
  top.type('q');
  t.equal(await top.exit, 0);
});

for (const [name, key] of Object.entries({ q: 'q', 'Ctrl-C': '\u0003' })) {
  t.test(`on a terminal top shows changes until ${name}`, { skip: PseudoTerminal.skip }, async (t) => {
    const repository = swarmRepository(t);
    const top = PseudoTerminal.museBus(['top', '--root', repository.root]);
    t.teardown(() => {
      top.kill();
    });
    await until('it is drawn', () => top.screen.includes('LEASES (2)'));
    repository.rename('reservation', 'r5', reservation('agent-5', ['src/new.py']));
    await until('the new lease is drawn', () => top.screen.includes('src/new.py'));
    top.type(key);
    t.equal(await top.exit, 0);
    t.ok(top.screen.trimEnd().endsWith('\u001b[?25h\u001b[?1049l'), 'the screen is left as it was found');
  });
}
