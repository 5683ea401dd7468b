import fc from 'fast-check';
import t from 'tap';
import type { WireEvent } from '../../protocol/index.js';
import { checkHistory, type Verdict } from './history-checker.js';
import { TYPE, type Entry, type Life } from './life.js';
import { chance, ModelBus } from './model-bus.js';

interface Scene {
  readonly bus: ModelBus;
  readonly lives: readonly Life[];
}

function scene(seed: number): Scene {
  const bus = new ModelBus(seed, 200);
  const lives = [
    bus.witness(),
    bus.life('all', {}, 5),
    bus.life('run', { run_ids: ['run-1'] }, 4),
    bus.life('kinds', { kinds: ['reservation', 'release'], run_ids: ['run-0', 'run-2'] }, 6),
    bus.life('nothing', { run_ids: ['nobody'] }, 3),
    bus.life('capped', { kinds: ['intent'] }, 2, 15),
  ];
  return { bus, lives };
}

function verify({ bus, lives }: Scene, changed: ReadonlyMap<Life, readonly Entry[]> = new Map()): Verdict {
  const heard = lives.map((life) => ({ ...life, entries: changed.get(life) ?? life.entries }));
  return checkHistory({ lives: heard, operations: bus.operations, isSettled: true });
}

type Synced = Extract<Entry, { is: 'synced' }>;
type Carrier = Extract<Entry, { events: readonly WireEvent[] }>;

const carries = (entry: Entry): entry is Carrier => entry.is === 'batch' || entry.is === 'events';

/** Replaces the events of one entry that carries some, and moves the counts after it as a lying server would. */
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

/** Returns the broken entries, or nothing where the life has no place for the break. */
type Break = (entries: readonly Entry[], random: () => number) => Entry[] | undefined;

/** What is missing just before a break may never have been sent, and before a resync it is excused. */
function isJudged(entries: readonly Entry[], at: number): boolean {
  if (!carries(entries[at]!)) return true;
  const after = entries.slice(at).find((entry) => !carries(entry));
  return after !== undefined && after.is !== 'disconnected' && after.is !== 'resync';
}

function atSome(suits: (entry: Entry) => boolean, change: (entries: readonly Entry[], at: number) => Entry[]): Break {
  return (entries, random) => {
    const places = entries.flatMap((entry, i) => (suits(entry) && isJudged(entries, i) ? [i] : []));
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
  'beats before an event that belongs before the beat': atSome(
    (entry) => entry.is === 'events',
    (all, at) => [...all.slice(0, at), { is: 'heartbeat', revision: eventsAt(all, at).at(-1)![0] }, ...all.slice(at)],
  ),
  'beats inside a snapshot': atSome(
    (entry) => entry.is === 'synced',
    (entries, at) => [...entries.slice(0, at), { is: 'heartbeat', revision: 0 }, ...entries.slice(at)],
  ),
  'calls a departure from the filter a deletion': mangled(
    ([revision, type, kind, id, time, data]) => [revision, type, kind, id, time, data, 'deleted'],
    (event) => event[6] === 'left-filter',
  ),
  'shows what left the filter as it is now': mangled(
    ([revision, type, kind, id, time, , reason]) => [revision, type, kind, id, time, { run_id: 'elsewhere' }, reason!],
    (event) => event[6] === 'left-filter',
  ),
  'keeps quiet about a departure from the filter': atSome(
    (entry) => entry.is === 'events' && entry.events.some((event) => event[6] === 'left-filter'),
    (all, at) =>
      rewrite(
        all,
        at,
        eventsAt(all, at).filter((event) => event[6] !== 'left-filter'),
      ),
  ),
  'says modified of what has just come into the filter': mangled(
    ([revision, , ...rest]) => [revision, TYPE.modified, ...rest],
    (event) => event[1] === TYPE.added,
  ),
  'shows contents that no file ever had': mangled(([revision, type, kind, id, time, data, reason]) => [
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
  'goes on after the last word': atSome(
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
  'replays from elsewhere than it was asked': atSome(
    (entry) => entry.is === 'subscribed' && entry.mode === 'replay',
    (entries, at) =>
      entries.map((entry, i) =>
        i === at && entry.is === 'subscribed' ? { ...entry, since: entry.cursor, cursor: `${entry.cursor}0` } : entry,
      ),
  ),
  'begins anew without a word': atSome(
    (entry) => entry.is === 'resync',
    (entries, at) => [...entries.slice(0, at), ...entries.slice(at + 1)],
  ),
};

t.test('a history of a bus that keeps its promises holds, however it is cut', async (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const verdict = verify(scene(seed));
      if (!verdict.holds) throw new Error(JSON.stringify(verdict));
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test('a history is rejected of a server that', async (t) => {
  for (const [name, breakIt] of Object.entries(BREAKS)) {
    t.test(name, async (t) => {
      let broken = 0;
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const given = scene(seed);
          const random = chance(seed + 1);
          for (const life of given.lives) {
            const entries = breakIt(life.entries, random);
            if (!entries) continue;
            broken++;
            const verdict = verify(given, new Map([[life, entries]]));
            if (verdict.holds)
              throw new Error(`nobody noticed in ${life.name}: ${JSON.stringify(entries.slice(0, 400))}`);
          }
        }),
        { numRuns: 40, seed: 3 },
      );
      t.ok(broken > 10, `broken ${String(broken)} times`);
    });
  }
});

t.test('a revision that means one thing to one and another to another is found', async (t) => {
  const given = scene(7);
  const [, all] = given.lives;
  const entries = all!.entries.map((entry) =>
    entry.is === 'events'
      ? { ...entry, events: entry.events.map((e): WireEvent => [e[0], e[1], e[2], e[3], e[4] + 1, e[5], e[6]!]) }
      : entry,
  );
  t.match(verify(given, new Map([[all!, entries]])), { holds: false, rule: 'uniqueness', life: 'all' });
});

t.test('a view that lacks the last of what was done is found at the end', async (t) => {
  const given = scene(11);
  const operations = [...given.bus.operations, { is: 'write', kind: 'task', id: 'late', data: { n: 1 } } as const];
  t.match(checkHistory({ lives: given.lives, operations, isSettled: true }), { holds: false, rule: 'final-state' });
  t.match(checkHistory({ lives: given.lives, operations, isSettled: false }), { holds: true });
});

/** A life that is told of one record in a snapshot at a revision, and nothing else. */
function told(epoch: string, event: WireEvent): Entry[] {
  const cursor = `${epoch}:9`;
  return [
    { is: 'connected', epoch, revision: 9 },
    { is: 'subscribed', mode: 'snapshot', cursor },
    { is: 'batch', n: 1, events: [event] },
    { is: 'synced', revision: 9, index: 0 },
    { is: 'disconnected' },
  ];
}

const life = (name: string, entries: readonly Entry[]): Life => ({ name, filter: {}, entries });

t.test(
  'a snapshot may show the revision at which a record followed another one, of which nobody is told',
  async (t) => {
    const data = { reservation_id: 'r' };
    const operations = [{ is: 'write', kind: 'heartbeat', id: 'h', data }] as const;
    const shownAt = (revision: number): WireEvent => [revision, TYPE.snapshot, 3, 'h', 1, data];
    const lives = [life('before', told('E', shownAt(4))), life('after', told('E', shownAt(7)))];
    const judge = (silent: number): Verdict =>
      checkHistory({ lives, operations, isSettled: false, isSilent: (_epoch, revision) => revision === silent });
    t.match(judge(7), { holds: true });
    t.match(judge(8), { holds: false, life: 'after', rule: 'cut' });
  },
);

t.test('a server that begins while a file is broken knows nothing of it, and one that has read it does', async (t) => {
  const operations = [{ is: 'write', kind: 'task', id: 't', data: { n: 1 } }] as const;
  const whole: WireEvent = [3, TYPE.snapshot, 4, 't', 1, { n: 1 }];
  const broken: WireEvent = [3, TYPE.snapshot, 4, 't', 2, {}, null, 'invalid-json'];
  const judge = (next: string): Verdict => {
    const entries = [...told('E', whole), ...told(next, broken).map(askedAnew)];
    return checkHistory({ lives: [life('one', entries)], operations, isSettled: false });
  };
  t.match(judge('F'), { holds: true });
  t.match(judge('E'), { holds: false, rule: 'operations' });
});

/** As who has seen something before is served from the beginning. */
const askedAnew = (entry: Entry): Entry =>
  entry.is === 'subscribed' ? { ...entry, mode: 'resync', why: 'compacted', since: 'E:3' } : entry;
