import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { VERSION } from '../../protocol/index.js';
import { Command } from '../support/command.js';
import { inFuture, reservation } from '../support/leases.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { until } from '../support/until.js';

interface Line {
  readonly event_type: string;
  readonly kind: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly schema_version: string;
  readonly problem?: string;
}

const BILLING = ['src/billing.py::compute_total'];

function repositoryFor(t: Test): TemporaryRepository {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  return repository;
}

async function watch(root: string, ...flags: readonly string[]): Promise<Line[]> {
  const command = Command.museBus(['watch', '--json', '--root', root, ...(flags.length > 0 ? flags : ['--once'])]);
  await command.exit;
  return command.json<Line>();
}

/** Starts `watch` for a number of events, and calls `act` after its first line. @returns the lines after the first */
async function watching(root: string, act: () => void, events: number): Promise<Line[]> {
  const command = Command.museBus([
    'watch',
    '--json',
    '--root',
    root,
    '--max-events',
    String(events),
    '--timeout',
    '10',
  ]);
  await until('it shows the snapshot', () => command.lines.length > 0);
  act();
  await command.exit;
  return command.json<Line>().slice(1);
}

/** One check for each row of the table, by its first cell. */
const ROWS: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  'kind in an event': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING));
    t.match(await watch(repository.root), [{ kind: 'reservation', event_type: 'snapshot' }]);
  },
  '`--kind`': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING));
    for (const kind of ['reservation', 'reservations'])
      t.equal((await watch(repository.root, '--once', '--kind', kind)).length, 1, kind);
  },
  kinds: async (t) => {
    const repository = repositoryFor(t);
    for (const kind of ['task', 'claim', 'dependency'] as const) repository.rename(kind, 'x', {});
    t.same(
      (await watch(repository.root)).map(({ kind }) => kind),
      ['task', 'claim', 'dependency'],
    );
  },
  '`schema_version`': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('task', 't1', {});
    t.equal((await watch(repository.root))[0]?.schema_version, VERSION);
  },
  'keys of an event': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('task', 't1', {});
    const [event] = await watch(repository.root);
    t.same(Object.keys(event!), [
      ...['schema_version', 'event_type', 'kind', 'id', 'timestamp', 'data'],
      ...['revision', 'cursor'],
    ]);
  },
  'ids in text lines': async (t) => {
    const repository = repositoryFor(t);
    const id = `sha256:${'a1'.repeat(32)}`;
    repository.rename('heartbeat', id, { run_id: 'a', reservation_id: id, extended_expires_at: inFuture(60_000) });
    const command = Command.museBus(['watch', '--once', '--root', repository.root]);
    await command.exit;
    const line = command.lines.find((text) => text.includes(id))!;
    t.equal(line.split(id).length, 2, 'and once');
  },
  '`expired`': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING, { expires_at: inFuture(5_000) }));
    const lines = await watching(repository.root, () => undefined, 2);
    t.match(lines, [{ event_type: 'expired', id: 'r1' }], 'though nothing changed on disk');
  },
  '`removed` without cache': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('task', 't1', { title: 'x' });
    const lines = await watching(repository.root, () => repository.remove('task', 't1'), 2);
    t.match(lines, [{ event_type: 'removed', data: { title: 'x' } }]);
  },
  'a torn file': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('task', 't0', {});
    const lines = await watching(repository.root, () => repository.raw('task', 't1', '{ "title"'), 2);
    t.match(lines, [{ event_type: 'added', id: 't1', data: {}, problem: 'invalid-json' }]);
  },
  'a released reservation': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING, { expires_at: inFuture(2_000) }));
    repository.rename('release', 'r1', { run_id: 'a', reservation_id: 'r1' });
    const lines = await watch(repository.root, '--timeout', '2.5');
    t.same(
      lines.map(({ event_type }) => event_type),
      ['snapshot', 'snapshot'],
    );
  },
  'no readable `expires_at`': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING, { expires_at: 'soon' }));
    t.match(await watch(repository.root), [{ problem: 'bad-timestamp' }]);
    const wait = Command.museBus(['wait', '--free', BILLING[0]!, '--timeout', '0', '--root', repository.root]);
    t.equal(await wait.exit, 0);
  },
  '`--branch` on a release': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('reservation', 'r1', reservation('a', BILLING, { branch: 'dev' }));
    repository.rename('release', 'r1', { run_id: 'a', reservation_id: 'r1' });
    t.match(await watch(repository.root, '--once', '--branch', 'dev', '--kind', 'release'), [{ id: 'r1' }]);
    t.same(await watch(repository.root, '--once', '--branch', 'main', '--kind', 'release'), []);
  },
  'a repeated flag': async (t) => {
    const repository = repositoryFor(t);
    for (const run of ['a', 'b', 'c']) repository.rename('task', run, { run_id: run });
    t.equal((await watch(repository.root, '--once', '--run-id', 'a', '--run-id', 'c')).length, 2);
  },
  'abbreviated flags': async (t) => {
    const command = Command.museBus(['watch', '--max', '1']);
    t.equal(await command.exit, 1);
    t.match(command.errors.join('\n'), /unknown option '--max'/);
  },
  '`--run-id ""`': async (t) => {
    for (const flag of ['--run-id', '--branch']) {
      const command = Command.museBus(['watch', flag, '', '--once']);
      t.equal(await command.exit, 1);
      t.match(command.errors.join('\n'), new RegExp(`${flag}: a value is empty`));
    }
  },
  'outside a repository': async (t) => {
    const outside = mkdtempSync(join(tmpdir(), 'muse-bus-outside-'));
    t.teardown(() => {
      rmSync(outside, { recursive: true });
    });
    t.equal(await Command.museBus(['watch', '--once', '--root', outside]).exit, 2);
    t.equal(await Command.museBus(['holders', 'x', '--root', outside]).exit, 1);
  },
  'bad arguments': async (t) => {
    const command = Command.museBus(['watch', '--json', '--poll-interval', '0']);
    t.equal(await command.exit, 1);
    t.match(command.json(), [{ status: 'bad_args', error: /poll-interval/ }]);
  },
  '`MUSE_REPO_ROOT`': async (t) => {
    const repository = repositoryFor(t);
    repository.rename('task', 't1', {});
    const other = repositoryFor(t);
    const seen = async (env: Record<string, string>): Promise<number> => {
      const command = Command.museBus(['watch', '--once', '--json'], {
        cwd: tmpdir(),
        env: { ...process.env, ...env },
      });
      await command.exit;
      return command.json().length;
    };
    t.equal(await seen({ MUSE_REPO_ROOT: repository.root }), 1);
    t.equal(await seen({ MUSE_REPO_ROOT: repository.root, MUSE_BUS_ROOT: other.root }), 0);
  },
  'a worktree': async (t) => {
    const repository = repositoryFor(t);
    const worktree = join(dirname(repository.root), `${basename(repository.root)}-agent-1`);
    mkdirSync(join(worktree, 'src'), { recursive: true });
    t.teardown(() => {
      rmSync(worktree, { recursive: true });
    });
    symlinkSync(join(repository.root, '.muse'), join(worktree, '.muse'));
    repository.rename('reservation', 'r1', reservation('a', BILLING));
    t.equal((await watch(worktree)).length, 1, 'watched by itself');
    const server = Command.museBus(['serve', '--root', worktree, '--port', '0']);
    t.teardown(() => {
      server.kill('SIGKILL');
    });
    await until('it serves', () => server.lines.length > 0);
    const holders = Command.museBus(['holders', 'billing.py', '--json'], { cwd: join(worktree, 'src') });
    t.equal(await holders.exit, 0);
    t.match(holders.json(), [{ reservation: 'r1' }], 'a path from a directory of the worktree');
  },
};

const DOCUMENT = readFileSync(new URL('../../docs/FROM-MUSE.md', import.meta.url), 'utf8');

t.test('every difference that the page lists is true', async (t) => {
  const [, , ...rows] = DOCUMENT.split('\n').filter((line) => line.startsWith('|'));
  const names = rows.map((row) => row.split('|')[1]!.trim());
  t.same(names, Object.keys(ROWS), 'one check a row');
  t.jobs = 2;
  for (const [name, check] of Object.entries(ROWS)) t.test(name, check);
});
