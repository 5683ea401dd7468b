import fc from 'fast-check';
import t from 'tap';
import type { WireEvent } from '../../protocol/index.js';
import { checkHistories, type Verdict } from './history-checker.js';
import { TYPE, type Entry, type ClientHistory } from './client-history.js';
import { chance, ModelBus } from './model-bus.js';

interface Scene {
  readonly bus: ModelBus;
  readonly histories: readonly ClientHistory[];
}

function scene(seed: number): Scene {
  const bus = new ModelBus(seed, 200);
  const histories = [
    bus.witness(),
    bus.history('all', {}, 5),
    bus.history('run', { run_ids: ['run-1'] }, 4),
    bus.history('kinds', { kinds: ['reservation', 'release'], run_ids: ['run-0', 'run-2'] }, 6),
    bus.history('nothing', { run_ids: ['nobody'] }, 3),
    bus.history('capped', { kinds: ['intent'] }, 2, 15),
  ];
  return { bus, histories };
}

function verify({ bus, histories }: Scene, changed: ReadonlyMap<ClientHistory, readonly Entry[]> = new Map()): Verdict {
  const received = histories.map((history) => ({ ...history, entries: changed.get(history) ?? history.entries }));
  return checkHistories({ histories: received, operations: bus.operations, isSettled: true });
}

type Synced = Extract<Entry, { is: 'synced' }>;
type Carrier = Extract<Entry, { events: readonly WireEvent[] }>;

const carries = (entry: Entry): entry is Carrier => entry.is === 'batch' || entry.is === 'events';

/** Replaces the events of one entry, and adjusts the counts after it, as a server would that hides the change. */
function rewrite(entries: readonly Entry[], at: number, events: readonly WireEvent[]): Entry[] {
  const before = entries[at] as Carrier;
  const shift = events.length - before.events.length;
  let isShifting = true;
  return entries.flatMap((entry, i): Entry[] => {
    if (i < at) return [entry];
    if (i === at) return events.length === 0 ? [] : [{ ...before, events }];
    if (entry.is === 'subscribed' || entry.is === 'resync') isShifting = false;
    if (!isShifting) return [entry];
    if (entry.is === 'events') return [{ ...entry, index: entry.index! + (before.is === 'events' ? shift : 0) }];
    if (entry.is === 'batch') return [{ ...entry, n: entry.n! + (before.is === 'batch' ? shift : 0) }];
    return entry.is === 'complete' ? [{ ...entry, delivered: entry.delivered + shift }] : [entry];
  });
}

/** Returns the entries with one fault, or `undefined` where the history has no place for that fault. */
type Break = (entries: readonly Entry[], random: () => number) => Entry[] | undefined;

/** Events that are missing just before a disconnection may never have been sent, and a resync excuses those before it. */
function isChecked(entries: readonly Entry[], at: number): boolean {
  if (!carries(entries[at]!)) return true;
  const after = entries.slice(at).find((entry) => !carries(entry));
  return after !== undefined && after.is !== 'disconnected' && after.is !== 'resync';
}

function atSome(suits: (entry: Entry) => boolean, change: (entries: readonly Entry[], at: number) => Entry[]): Break {
  return (entries, random) => {
    const places = entries.flatMap((entry, i) => (suits(entry) && isChecked(entries, i) ? [i] : []));
    const at = places[Math.floor(random() * places.length)];
    return at === undefined ? undefined : change(entries, at);
  };
}

const eventsAt = (entries: readonly Entry[], at: number): readonly WireEvent[] => (entries[at] as Carrier).events;

/** Changes one event of a frame of changes. */
const mangled = (mangle: (event: WireEvent) => WireEvent, suits: (event: WireEvent) => boolean = () => true): Break =>
  atSome(
    (entry) => entry.is === 'events' && entry.events.some(suits),
    (entries, at) => {
      const events = [...eventsAt(entries, at)];
      const which = events.findIndex(suits);
      events[which] = mangle(events[which]!);
      return rewrite(entries, at, events);
    },
  );

const BREAKS: Readonly<Record<string, Break>> = {
  'drops an event and closes the gap in the counts': atSome(
    (entry) => carries(entry) && entry.events.length > 0,
    (entries, at) => rewrite(entries, at, eventsAt(entries, at).slice(1)),
  ),
  'drops an event and leaves the gap': atSome(
    (entry) => entry.is === 'events' && entry.events.length > 1,
    (entries, at) =>
      entries.map((entry, i) => (i === at ? { ...(entry as Carrier), events: eventsAt(entries, at).slice(1) } : entry)),
  ),
  'sends an event twice': atSome(carries, (entries, at) => {
    const events = eventsAt(entries, at);
    return rewrite(entries, at, [...events, events.at(-1)!]);
  }),
  'swaps two events': atSome(
    (entry) => carries(entry) && entry.events.length > 1,
    (entries, at) => {
      const [first, second, ...rest] = eventsAt(entries, at);
      return rewrite(entries, at, [second!, first!, ...rest]);
    },
  ),
  'sends a heartbeat before an event that the heartbeat covers': atSome(
    (entry) => entry.is === 'events',
    (all, at) => [...all.slice(0, at), { is: 'heartbeat', revision: eventsAt(all, at).at(-1)![0] }, ...all.slice(at)],
  ),
  'sends a heartbeat inside a snapshot': atSome(
    (entry) => entry.is === 'synced',
    (entries, at) => [...entries.slice(0, at), { is: 'heartbeat', revision: 0 }, ...entries.slice(at)],
  ),
  'reports a record that left the filter as deleted': mangled(
    ([revision, type, kind, id, time, data]) => [revision, type, kind, id, time, data, 'deleted'],
    (event) => event[6] === 'left-filter',
  ),
  'sends the new data of a record that left the filter': mangled(
    ([revision, type, kind, id, time, , reason]) => [revision, type, kind, id, time, { run_id: 'elsewhere' }, reason!],
    (event) => event[6] === 'left-filter',
  ),
  'does not report a record that left the filter': atSome(
    (entry) => entry.is === 'events' && entry.events.some((event) => event[6] === 'left-filter'),
    (all, at) =>
      rewrite(
        all,
        at,
        eventsAt(all, at).filter((event) => event[6] !== 'left-filter'),
      ),
  ),
  'reports a record that entered the filter as modified': mangled(
    ([revision, , ...rest]) => [revision, TYPE.modified, ...rest],
    (event) => event[1] === TYPE.added,
  ),
  'sends contents that no file ever had': mangled(([revision, type, kind, id, time, data, reason]) => [
    revision,
    type,
    kind,
    id,
    time,
    { ...data, n: -1 },
    reason!,
  ]),
  'sends one event beyond the cap': atSome(
    (entry) => entry.is === 'complete',
    (entries, at) => {
      const last = eventsAt(entries, at - 1);
      return [...rewrite(entries.slice(0, at), at - 1, [...last, last.at(-1)!]), entries[at]!];
    },
  ),
  'ends one event before the cap': atSome(
    (entry) => entry.is === 'complete',
    (entries, at) => {
      const complete = entries[at] as Extract<Entry, { is: 'complete' }>;
      const shortened = rewrite(entries.slice(0, at), at - 1, eventsAt(entries, at - 1).slice(0, -1));
      return [...shortened, { ...complete, delivered: complete.delivered - 1 }];
    },
  ),
  'sends events after complete': atSome(
    (entry) => entry.is === 'complete',
    (entries, at) => [...entries, entries[at - 1]!],
  ),
  'leaves a record out of a snapshot': atSome(
    (entry) => entry.is === 'batch' && entry.events.at(-1)![1] === TYPE.snapshot,
    (entries, at) => rewrite(entries, at, eventsAt(entries, at).slice(0, -1)),
  ),
  'syncs at a later revision than the cut': (entries) => {
    const at = entries.findIndex((entry, i) => entry.is === 'synced' && entries[i + 1]?.is === 'events');
    if (at < 0) return undefined;
    const next = eventsAt(entries, at + 1)[0]![0];
    return entries.map((entry, i) => (i === at ? { ...(entry as Synced), revision: next } : entry));
  },
  'replays from another cursor than the client asked for': atSome(
    (entry) => entry.is === 'subscribed' && entry.mode === 'replay',
    (entries, at) =>
      entries.map((entry, i) =>
        i === at && entry.is === 'subscribed' ? { ...entry, since: entry.cursor, cursor: `${entry.cursor}0` } : entry,
      ),
  ),
  'sends a new snapshot without a resync': atSome(
    (entry) => entry.is === 'resync',
    (entries, at) => [...entries.slice(0, at), ...entries.slice(at + 1)],
  ),
};

t.test('the checker accepts each history of a bus that keeps the contract, wherever connections break', async (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const verdict = verify(scene(seed));
      if (!verdict.holds) throw new Error(JSON.stringify(verdict));
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test('the checker rejects the history of a server that', async (t) => {
  for (const [name, breakIt] of Object.entries(BREAKS)) {
    t.test(name, async (t) => {
      let broken = 0;
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const given = scene(seed);
          const random = chance(seed + 1);
          for (const history of given.histories) {
            const entries = breakIt(history.entries, random);
            if (!entries) continue;
            broken++;
            const verdict = verify(given, new Map([[history, entries]]));
            if (verdict.holds)
              throw new Error(`not detected in ${history.name}: ${JSON.stringify(entries.slice(0, 400))}`);
          }
        }),
        { numRuns: 40, seed: 3 },
      );
      t.ok(broken > 10, `broken ${String(broken)} times`);
    });
  }
});

t.test('the checker finds a revision that differs between two clients', async (t) => {
  const given = scene(7);
  const [, all] = given.histories;
  const entries = all!.entries.map((entry) =>
    entry.is === 'events'
      ? { ...entry, events: entry.events.map((e): WireEvent => [e[0], e[1], e[2], e[3], e[4] + 1, e[5], e[6]!]) }
      : entry,
  );
  t.match(verify(given, new Map([[all!, entries]])), { holds: false, rule: 'uniqueness', history: 'all' });
});

t.test('the checker finds a final view that lacks the last operation', async (t) => {
  const given = scene(11);
  const operations = [...given.bus.operations, { is: 'write', kind: 'task', id: 'late', data: { n: 1 } } as const];
  t.match(checkHistories({ histories: given.histories, operations, isSettled: true }), {
    holds: false,
    rule: 'final-state',
  });
  t.match(checkHistories({ histories: given.histories, operations, isSettled: false }), { holds: true });
});

/** A life that is told of one record in a snapshot at a revision, and nothing else. */
function told(epoch: string, event: WireEvent, revision = 9): Entry[] {
  const cursor = `${epoch}:${String(revision)}`;
  return [
    { is: 'connected', epoch, revision },
    { is: 'subscribed', mode: 'snapshot', cursor },
    { is: 'batch', n: 1, events: [event] },
    { is: 'synced', revision, index: 0 },
    { is: 'disconnected' },
  ];
}

const historyOf = (name: string, entries: readonly Entry[]): ClientHistory => ({ name, filter: {}, entries });

t.test(
  'a snapshot may show the revision at which a record followed another one, of which nobody is told',
  async (t) => {
    const data = { reservation_id: 'r' };
    const operations = [{ is: 'write', kind: 'heartbeat', id: 'h', data }] as const;
    const shownAt = (revision: number): WireEvent => [revision, TYPE.snapshot, 3, 'h', 1, data];
    const histories = [historyOf('before', told('E', shownAt(4))), historyOf('after', told('E', shownAt(7)))];
    const judge = (silent: number): Verdict =>
      checkHistories({ histories, operations, isSettled: false, isSilent: (_epoch, revision) => revision === silent });
    t.match(judge(7), { holds: true });
    t.match(judge(8), { holds: false, history: 'after', rule: 'cut' });
  },
);

t.test('a server that begins while a file is broken knows nothing of it, and one that has read it does', async (t) => {
  const operations = [{ is: 'write', kind: 'task', id: 't', data: { n: 1 } }] as const;
  const whole: WireEvent = [3, TYPE.snapshot, 4, 't', 1, { n: 1 }];
  const broken: WireEvent = [3, TYPE.snapshot, 4, 't', 2, {}, null, 'invalid-json'];
  const judge = (next: string): Verdict => {
    const entries = [...told('E', whole), ...told(next, broken).map(asked('compacted', 'E:3'))];
    return checkHistories({ histories: [historyOf('one', entries)], operations, isSettled: false });
  };
  t.match(judge('F'), { holds: true });
  t.match(judge('E'), { holds: false, rule: 'operations' });
});

/** As who has seen something before is served from the beginning. */
const asked =
  (why: string, since: string) =>
  (entry: Entry): Entry =>
    entry.is === 'subscribed' ? { ...entry, mode: 'resync', why, since } : entry;

t.test('a server that has not got as far as its client may show what was before, and nothing older', async (t) => {
  const operations = [1, 2, 3].map((n) => ({ is: 'write', kind: 'task', id: 't', data: { n } }) as const);
  const shown = (revision: number, n: number): WireEvent => [revision, TYPE.snapshot, 4, 't', n, { n }];
  const judge = (again: WireEvent, why: string, since: string): Verdict => {
    const seen = [...told('E', shown(4, 2), 5), ...told('E', shown(8, 3)).map(asked('restart', 'E:5'))];
    const entries = [...seen, ...told('E', again, 6).map(asked(why, since))];
    return checkHistories({ histories: [historyOf('one', entries)], operations, isSettled: false });
  };
  t.match(judge(shown(4, 2), 'future', 'E:9'), { holds: true });
  t.match(judge(shown(4, 2), 'restart', 'E:9'), { holds: false, rule: 'operations' });
  t.match(judge(shown(4, 1), 'future', 'E:9'), { holds: false, rule: 'operations' });
  t.match(judge(shown(4, 2), 'future', 'E:5'), { holds: false, rule: 'resume' });
});

t.test('what one server has shown another may not know yet, and each follows the files in their order', async (t) => {
  const operations = [1, 2].map((n) => ({ is: 'write', kind: 'task', id: 't', data: { n } }) as const);
  const shown = (n: number): WireEvent => [4, TYPE.snapshot, 4, 't', n, { n }];
  const judge = (writerOf: (epoch: string) => string): Verdict => {
    const entries = [...told('E', shown(2)), ...told('F', shown(1)).map(asked('epoch', 'E:9'))];
    return checkHistories({ histories: [historyOf('one', entries)], operations, isSettled: false, writerOf });
  };
  t.match(
    judge((epoch) => epoch),
    { holds: true },
  );
  t.match(
    judge(() => 'the same'),
    { holds: false, rule: 'operations' },
  );
});

t.test(
  'a client that was told nothing of what a server has lost goes on after it, and no other one does',
  async (t) => {
    const operations = [{ is: 'write', kind: 'task', id: 't', data: {} }] as const;
    const added = (revision: number): WireEvent => [revision, TYPE.modified, 4, 't', revision, {}];
    const judge = (
      revisions: readonly number[],
      gapAfter?: (epoch: string, revision: number) => number | undefined,
    ) => {
      const entries: Entry[] = [
        ...told('E', [1, TYPE.snapshot, 4, 't', 1, {}], 4).slice(0, -1),
        { is: 'events', index: 0, events: revisions.map(added) },
        { is: 'heartbeat', revision: revisions.at(-1)! },
      ];
      return checkHistories({
        histories: [historyOf('one', entries)],
        operations,
        isSettled: false,
        ...(gapAfter && { gapAfter }),
      });
    };
    const gapAfter = (_epoch: string, revision: number): number | undefined => (revision === 5 ? 9 : undefined);
    t.match(judge([5, 10], gapAfter), { holds: true });
    t.match(judge([5, 6, 7], gapAfter), { holds: true }, 'who was told before it was lost');
    for (const revisions of [[5, 11], [10], [5, 6, 10]])
      t.match(judge(revisions, gapAfter), { holds: false, rule: 'completeness' }, revisions.join());
    t.match(judge([5, 10]), { holds: false, rule: 'completeness' });
  },
);
