import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, basename } from 'node:path';
import t from 'tap';
import { KINDS, leaseForm, Swarm, type Kind, type RecordData } from '../../protocol/index.js';
import { BusServer } from '../../server/index.js';
import { Command } from '../support/command.js';
import { TemporaryRepository } from '../support/temporary-repository.js';
import { until } from '../support/until.js';
import { SteppedClock } from './stepped-clock.js';
import {
  addressesOf,
  conflictLine,
  httpSurface,
  inspectorSurface,
  leaseLine,
  line,
  mcpSurface,
  mirrorSurface,
  recordLeases,
  topOf,
} from './surfaces.js';

const RECORDS = 300;
/** How many records change between two questions. */
const STEP = 4;
const ASKED = ['./src//a.py::', 'src/', 'src/*.py', 'src/a.py::Invoice.render', 'docs/x.md'];
const ADDRESSES = [
  'src/a.py',
  'src/a.py::Invoice',
  'src/a.py::f',
  'src/b.py',
  'src/*.py',
  'docs/',
  'lib/c.py',
  './lib/c.py',
];

/** A pseudo-random choice that is the same in each run, so that a failure can be repeated. */
function sequence(seed: number): <T>(values: readonly T[]) => T {
  let state = seed;
  return (values) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return values[Math.floor((state / 2_147_483_648) * values.length)]!;
  };
}

t.test('whatever happens, every surface gives the same answer to who holds what', async (t) => {
  const clock = new SteppedClock();
  const repository = new TemporaryRepository();
  // A worktree as Muse makes it: a directory beside the repository, in which .muse is a link.
  const worktree = join(dirname(repository.root), `${basename(repository.root)}-agent-1`);
  mkdirSync(worktree);
  symlinkSync(join(repository.root, '.muse'), join(worktree, '.muse'));
  t.teardown(() => {
    rmSync(worktree, { recursive: true });
    repository.dispose();
  });
  const serve = () => new BusServer({ root: repository.root, port: 0, heartbeatMs: 250 }, clock);
  let server = serve();
  let endpoint = await server.start();
  t.teardown(() => server.stop());

  const mirror = await mirrorSurface(repository.root);
  const far = await mirrorSurface(worktree);
  const inspector = await inspectorSurface(worktree);
  const mcp = await mcpSurface(repository.root);
  const held = [mirror, { ...far, name: 'mirror in a worktree' }, inspector, mcp];
  t.teardown(() => Promise.all(held.map((surface) => surface.close())));

  const current = new Map<string, { readonly kind: Kind; readonly id: string; readonly data: RecordData }>();
  const pick = sequence(7);
  const some = (kind: Kind): string | undefined => {
    const ids = [...current.values()].filter((record) => record.kind === kind).map(({ id }) => id);
    return ids.length === 0 ? undefined : pick(ids);
  };

  const dataOf = (kind: Kind, id: string): RecordData => {
    const run = `agent-${pick(['1', '2', '3', '4'])}`;
    const own = { run_id: run, branch: pick([run, run, 'main', 'refs/heads/main']), created_at: clock.iso(-1_000) };
    const named = { run_id: run, reservation_id: some('reservation') ?? 'none' };
    const addresses = [pick(ADDRESSES), pick(ADDRESSES)];
    switch (kind) {
      case 'reservation': {
        const expires_at = pick([clock.iso(600_000), clock.iso(14_000), clock.iso(-5_000), 'soon', undefined]);
        return {
          ...own,
          reservation_id: id,
          addresses,
          operation: null,
          ...(expires_at === undefined ? {} : { expires_at }),
        };
      }
      case 'heartbeat':
        return {
          ...named,
          last_beat_at: clock.iso(0),
          extended_expires_at: pick([clock.iso(900_000), clock.iso(23_000)]),
        };
      case 'release':
        return { ...named, released_at: clock.iso(0) };
      case 'intent':
        return {
          ...own,
          reservation_id: pick(['', named.reservation_id]),
          addresses,
          operation: pick(['modify', 'delete']),
          detail: '',
        };
      case 'task':
        return { title: 'do', status: 'pending', priority: 1 };
      case 'claim':
        return { ...own, task_id: some('task') ?? 'none' };
      case 'dependency':
        return { task_id: some('task') ?? 'a', depends_on: some('task') ?? 'b' };
    }
  };

  const change = (i: number): void => {
    const kind = i < 14 ? KINDS[i % KINDS.length]! : pick(['reservation', 'reservation', ...KINDS] as const);
    const gone = i % 9 === 8 ? some(kind) : undefined;
    if (gone !== undefined) {
      current.delete(`${kind}/${gone}`);
      repository.remove(kind, gone);
      return;
    }
    const id = kind === 'heartbeat' ? (some('reservation') ?? 'h') : `${kind}-${String(i)}`;
    const data = JSON.parse(JSON.stringify(dataOf(kind, id))) as RecordData;
    current.set(`${kind}/${id}`, { kind, id, data });
    if (i % 3 === 0) repository.inPlace(kind, id, data);
    else repository.rename(kind, id, data);
  };

  const plain = new Swarm();
  const expected = () => {
    plain.replace(current.values());
    const moment = { now: clock.now() };
    const holders = ASKED.flatMap((text) =>
      plain.holders(addressesOf(text), moment).holders.map((lease) => line(text, leaseForm(lease))),
    );
    const leases = plain.leases(moment).map((lease) => leaseLine(leaseForm(lease)));
    return {
      moment,
      holders,
      leases: leases.sort(),
      conflicts: plain.conflicts(moment).map((conflict) => conflictLine({ conflict })),
    };
  };

  /** Asks all surfaces, again and again until all agree: each learns of the last change at another moment. */
  const ask = async (step: string): Promise<void> => {
    const { moment, holders, leases, conflicts } = expected();
    const wanted = JSON.stringify(holders);
    const surfaces = [...held, httpSurface(endpoint)];
    let said: Record<string, unknown> = {};
    const agree = async (): Promise<boolean> => {
      said = {};
      for (const surface of surfaces) {
        const answer = await surface.holders(ASKED).catch((error: unknown) => String(error));
        if (JSON.stringify(answer) !== wanted) said[surface.name] = answer;
      }
      const records = await recordLeases(endpoint).catch((error: unknown) => [String(error)]);
      if (records.join('\n') !== leases.join('\n')) said['lease of /records'] = records;
      const mirrored = plain.leases(moment).map(({ reservation }) => leaseLine(mirror.mirror.lease(reservation)));
      if (mirrored.sort().join('\n') !== leases.join('\n')) said['lease of the mirror'] = mirrored;
      const found = inspector.contests();
      if (found.join('\n') !== conflicts.join('\n')) said['contention in the inspector'] = found;
      const listed = topOf(mirror.mirror)
        .contention.filter(({ what }) => what !== 'wanted')
        .map(({ address }) => address);
      const places = [...new Set(conflicts.map((text) => text.split(' ')[2]!))];
      if (listed.sort().join() !== places.sort().join()) said['contention in top'] = listed;
      return Object.keys(said).length === 0;
    };
    await mirror.bus.sync();
    const deadline = performance.now() + 25_000;
    while (!(await agree()) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    if (Object.keys(said).length > 0) t.same(said, { holders, leases, conflicts }, step);
  };

  let asked = 0;
  for (let i = 0; i < RECORDS; i++) {
    change(i);
    if (i % 60 === 59) {
      // The server stops, and the next server finds what changed meanwhile.
      await server.stop();
      for (let j = 0; j < 5; j++) change(++i);
      server = serve();
      endpoint = await server.start();
      await until('the clients are live again', () => [mirror, far].every(({ bus }) => bus.status.state === 'live'));
    } else if (i % 25 === 24) {
      // Odd steps, so that no lease ends at the very moment of a question: a client whose question took a while would still report it
      // as held.
      clock.step(pick([9_137, 9_137, -4_211]));
    }
    if (i % STEP !== 0 && i % 60 > 5) continue;
    await ask(`after record ${String(i)}`);
    asked++;
  }
  t.pass(`${String(asked)} times`);

  const holders = Command.museBus(['holders', 'src/', '--json', '--root', worktree]);
  t.equal(await holders.exit, 0);
  const printed = holders.json<Parameters<typeof line>[1]>().map((lease) => line('src/', lease));
  t.same(
    printed,
    expected().holders.filter((text) => text.startsWith('src/: ')),
  );
  const top = Command.museBus(['top', '--json', '--root', repository.root]);
  t.equal(await top.exit, 0);
  t.same(JSON.stringify((top.json()[0] as { leases: unknown }).leases), JSON.stringify(topOf(mirror.mirror).leases));
});
