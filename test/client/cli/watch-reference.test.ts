import { existsSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { BusEvent, EventType, Kind } from '../../../protocol/index.js';
import { Command } from '../../support/command.js';
import { ServedRepository } from '../../support/served-repository.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

// Each history waits five seconds for its leases to end.
t.jobs = 4;

/** The reference model of `muse coord watch`, if it exists beside the checkout. */
const MODEL =
  process.env['MUSE_BUS_REFERENCE'] ??
  fileURLToPath(new URL('../../../../shared/reference/ref_watch.py', import.meta.url));

/** What two streams must have in common. Times, revisions and problems may differ. */
interface Seen {
  readonly event_type: EventType;
  readonly kind: Kind;
  readonly id: string;
  readonly data: unknown;
}

const HOUR_MS = 3_600_000;
const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

const reservation = (run: string, branch: string, expires: string) => ({
  run_id: run,
  branch,
  addresses: ['src/billing.py::compute_total'],
  expires_at: expires,
});

/** The filter flags under test, and the events that match them. */
const VARIANTS: readonly { readonly flags: readonly string[]; readonly passes: (seen: Seen) => boolean }[] = [
  { flags: [], passes: () => true },
  { flags: ['--kind', 'reservation'], passes: ({ kind }) => kind === 'reservation' },
  { flags: ['--kind', 'heartbeat'], passes: ({ kind }) => kind === 'heartbeat' },
  { flags: ['--run-id', 'agent-1'], passes: ({ data }) => field(data, 'run_id') === 'agent-1' },
  { flags: ['--branch', 'main'], passes: ({ data }) => field(data, 'branch') === 'main' },
  {
    flags: ['--kind', 'reservation', '--run-id', 'agent-1', '--branch', 'main'],
    passes: ({ kind, data }) =>
      kind === 'reservation' && field(data, 'run_id') === 'agent-1' && field(data, 'branch') === 'main',
  },
];

const field = (data: unknown, name: string): unknown => (data as Record<string, unknown>)[name];

/** One change, and the event that is expected from it. */
interface Step {
  readonly what: string;
  readonly run: () => Seen;
}

/** A history with every kind of record and transition. */
function history(repository: TemporaryRepository): Step[] {
  const see = (event_type: EventType, kind: Kind, id: string, data: unknown): Seen => ({ event_type, kind, id, data });
  const renamed = (kind: Kind, id: string, data: unknown, type: EventType = 'added') => {
    repository.rename(kind, id, data);
    return see(type, kind, id, data);
  };
  const written = (kind: Kind, id: string, data: unknown, type: EventType = 'added') => {
    repository.inPlace(kind, id, data);
    return see(type, kind, id, data);
  };
  const removed = (kind: Kind, id: string, data: unknown) => {
    repository.remove(kind, id);
    return see('removed', kind, id, data);
  };
  const held = reservation('agent-1', 'main', inFuture(HOUR_MS));
  const changed = { ...held, addresses: ['src/auth.py::verify_token', 'src/auth.py::issue_token'] };
  const others: [Kind, string, Record<string, unknown>][] = [
    ['intent', 'i1', { run_id: 'agent-1', branch: 'main', operation: 'modify', addresses: ['src/a.py::f'] }],
    ['release', 'l1', { run_id: 'agent-9', reservation_id: 'nobody', reason: 'completed' }],
    ['heartbeat', 'h1', { run_id: 'agent-1', reservation_id: 'nobody', extended_expires_at: inFuture(HOUR_MS) }],
    ['task', 't1', { task_id: 't1', title: 'zwölf Boxkämpfer 🥊' }],
    ['claim', 'c1', { run_id: 'agent-1', task_id: 't1' }],
    ['dependency', 'd1', { task_id: 't1', depends_on: 't0', own_field: { nested: [1, 2, { deep: null }] } }],
  ];
  let soon: unknown;
  let extended: unknown;
  return [
    { what: 'a reservation appears', run: () => renamed('reservation', 'sha256:0b', held) },
    ...others.map(([kind, id, data]) => ({ what: `a ${kind} appears`, run: () => written(kind, id, data) })),
    {
      what: 'an intent appears beside files that are no records',
      run: () => {
        writeFileSync(`${repository.dir.file('intent', 'i2')}~`, '{}');
        return renamed('intent', 'i2', { run_id: 'agent-2' });
      },
    },
    { what: 'the reservation changes', run: () => renamed('reservation', 'sha256:0b', changed, 'modified') },
    ...others.map(([kind, id, data]) => ({
      what: `the ${kind} is rewritten in place`,
      run: () => written(kind, id, { ...data, again: true }, 'modified'),
    })),
    {
      what: 'a file is touched',
      run: () => {
        const time = Date.now() / 1_000 + 5;
        utimesSync(repository.dir.file('reservation', 'sha256:0b'), time, time);
        return see('modified', 'reservation', 'sha256:0b', changed);
      },
    },
    {
      what: 'junk appears',
      run: () => {
        repository.raw('claim', 'junk', '{"run_id": "agen');
        return see('added', 'claim', 'junk', {});
      },
    },
    { what: 'the junk is repaired', run: () => written('claim', 'junk', { mended: true }, 'modified') },
    {
      what: 'a reservation of three seconds appears',
      run: () => renamed('reservation', 'r-soon', (soon = reservation('agent-2', 'main', inFuture(3_000)))),
    },
    {
      what: 'another, that heartbeats will name, appears',
      run: () => {
        const own = { reservation_id: 'r-extended', ...reservation('agent-3', 'dev', inFuture(3_000)) };
        return renamed('reservation', 'r-extended', (extended = own));
      },
    },
    {
      what: 'a heartbeat extends it',
      run: () => {
        const beat = { run_id: 'agent-3', reservation_id: 'r-extended', extended_expires_at: inFuture(5_000) };
        return written('heartbeat', 'h2', beat);
      },
    },
    { what: 'the first lease runs out', run: () => see('expired', 'reservation', 'r-soon', soon) },
    { what: 'the extended one runs out later', run: () => see('expired', 'reservation', 'r-extended', extended) },
    { what: 'the reservation of an hour is removed', run: () => removed('reservation', 'sha256:0b', changed) },
    { what: 'the lapsed one is collected', run: () => removed('reservation', 'r-soon', soon) },
    ...others.map(([kind, id, data]) => ({
      what: `the ${kind} is removed`,
      run: () => removed(kind, id, { ...data, again: true }),
    })),
  ];
}

/** Writes the records that exist before anyone watches. @returns their events in canonical order. */
function initialState(repository: TemporaryRepository): Seen[] {
  const records: [Kind, string, unknown][] = [
    ['reservation', 'a-lapsed', reservation('agent-1', 'main', inFuture(-HOUR_MS))],
    ['reservation', 'b-held', reservation('agent-1', 'dev', inFuture(HOUR_MS))],
    ['intent', 'i0', { run_id: 'agent-1', branch: 'main' }],
    ['heartbeat', 'h0', { run_id: 'agent-7' }],
  ];
  for (const [kind, id, data] of records) repository.rename(kind, id, data);
  repository.raw('task', 'broken', '');
  return [
    ...records.map(([kind, id, data]): Seen => ({ event_type: 'snapshot', kind, id, data })),
    { event_type: 'snapshot', kind: 'task', id: 'broken', data: {} },
  ];
}

type Starter = (flags: readonly string[]) => Command;

const seenBy = (command: Command): Seen[] =>
  command.json<BusEvent>().map(({ event_type, kind, id, data }) => ({ event_type, kind, id, data }));

/** The model reads the file of a lease again when it reports its end. If the file was removed in between, it reports the end of nothing. */
const isEndOfNothing = ({ event_type, data }: Seen): boolean =>
  event_type === 'expired' && Object.keys(data as object).length === 0;

/** Runs the history with one watcher for each variant of flags, and compares the output of each with the expected events. */
async function compare(
  t: Test,
  repository: TemporaryRepository,
  { before, start, isModel }: { readonly before: readonly Seen[]; readonly start: Starter; readonly isModel: boolean },
) {
  const eventsOf = (command: Command): Seen[] => seenBy(command).filter((event) => !isModel || !isEndOfNothing(event));
  const watchers = VARIANTS.map((variant) => ({ ...variant, command: start(variant.flags) }));
  t.teardown(() => {
    for (const { command } of watchers) command.kill('SIGKILL');
  });
  const expected = [...before];
  const allCaughtUp = (): boolean =>
    watchers.every(({ command, passes }) => eventsOf(command).length >= expected.filter(passes).length);
  await until('the snapshots are printed', allCaughtUp);
  for (const { what, run } of history(repository)) {
    expected.push(run());
    await until(`all have seen that ${what}`, allCaughtUp);
  }
  for (const { command, flags, passes } of watchers) {
    t.strictSame(eventsOf(command), expected.filter(passes), `with ${flags.join(' ') || 'no flags'}`);
  }
}

/** The command with a server, the command alone, and the model if it exists. */
const WATCHERS: readonly { name: string; isServed: boolean; start: (root: string) => Starter }[] = [
  { name: 'served', isServed: true, start: (root) => (flags) => museBus(root, flags) },
  { name: 'in process', isServed: false, start: (root) => (flags) => museBus(root, flags) },
  ...(existsSync(MODEL)
    ? [
        {
          name: 'the model',
          isServed: false,
          start: (root: string) => (flags: readonly string[]) =>
            new Command('python3', [MODEL, root, '--poll-interval', '0.02', ...flags]),
        },
      ]
    : []),
];

const museBus = (root: string, flags: readonly string[]): Command =>
  Command.museBus(['watch', '--json', '--root', root, ...flags]);

/** The model reports a file that is being written as empty, so for it every record is renamed into place. */
class AtomicRepository extends TemporaryRepository {
  override inPlace(kind: Kind, id: string, data: unknown): void {
    this.rename(kind, id, data);
  }

  override raw(kind: Kind, id: string, bytes: string | Uint8Array): void {
    const temporary = `${this.dir.file(kind, id)}.tmp`;
    writeFileSync(temporary, bytes);
    renameSync(temporary, this.dir.file(kind, id));
  }
}

for (const { name, isServed, start } of WATCHERS) {
  t.test(`${name}: a history of records, event for event and for every flag`, { timeout: 60_000 }, async (t) => {
    const repository = isServed
      ? new ServedRepository()
      : name === 'the model'
        ? new AtomicRepository()
        : new TemporaryRepository();
    t.teardown(() => (repository instanceof ServedRepository ? repository.stop() : repository.dispose()));
    const before = initialState(repository);
    if (repository instanceof ServedRepository) await repository.start();
    await compare(t, repository, { before, start: start(repository.root), isModel: name === 'the model' });
  });
}

t.test('--once, --timeout 0 and --max-events end at the same event as the model', async (t) => {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const before = initialState(repository);
  const variants: { flags: string[]; expected: Seen[] }[] = [
    { flags: ['--once'], expected: before },
    { flags: ['--timeout', '0'], expected: before },
    { flags: ['--timeout', '0.2'], expected: before },
    { flags: ['--max-events', '3'], expected: before.slice(0, 3) },
    { flags: ['--once', '--kind', 'intent'], expected: before.filter(({ kind }) => kind === 'intent') },
    { flags: ['--once', '--run-id', 'nobody'], expected: [] },
    { flags: ['--once', '--max-events', '1', '--branch', 'dev'], expected: before.slice(1, 2) },
  ];
  for (const { flags, expected } of variants) {
    const ours = Command.museBus(['watch', '--json', '--root', repository.root, ...flags]);
    t.equal(await ours.exit, 0, `${flags.join(' ')} exits 0`);
    t.strictSame(seenBy(ours), expected, flags.join(' '));
    if (!existsSync(MODEL)) continue;
    const model = new Command('python3', [MODEL, repository.root, ...flags]);
    await model.exit;
    t.strictSame(seenBy(model), expected, `the model, ${flags.join(' ')}`);
  }
});
