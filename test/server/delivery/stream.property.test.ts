import fc from 'fast-check';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import t from 'tap';
import { EVENT_TYPES, MessageType } from '../../../protocol/index.js';
import { absent, broken, present } from '../../support/changes.js';
import { Model, type ModelData, type ModelEvent, type ModelFilter, type ModelKind } from '../../support/model.js';
import { Stream, type Peer } from '../../support/stream.js';

// ── what may happen ─────────────────────────────────────────────────────────────────────────────────────────────────

const PEERS = 3;
const kind = fc.constantFrom<ModelKind>('reservation', 'release', 'heartbeat', 'task');
const id = fc.constantFrom('x', 'y', 'z');
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const some = <T>(...values: T[]) => optional(fc.subarray(values, { minLength: 1 }));

const content = fc.record({
  run_id: optional(fc.constantFrom('a', 'b')),
  addresses: optional(fc.subarray(['src/a.py', 'src/b.py', 'lib/c.py'])),
  reservation_id: optional(fc.constantFrom('x', 'y', 'lease')),
  endsInMs: optional(fc.integer({ min: -500, max: 4_000 })),
});

const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ is: fc.constant('put' as const), kind, id, content }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('remove' as const), kind, id }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('break' as const), kind, id }) },
);

const filter = fc.record({
  kinds: some<ModelKind>('reservation', 'task', 'heartbeat'),
  run_ids: some('a', 'b'),
  ids: some('x', 'y'),
  addresses: some('src/a.py', 'src/**', 'lib/**'),
  event_types: optional(fc.subarray([...EVENT_TYPES], { minLength: 1 })),
});
// Most fields are absent from most filters: otherwise almost nothing would match.
const sparse = fc
  .tuple(filter, fc.subarray(['kinds', 'run_ids', 'ids', 'addresses', 'event_types'], { maxLength: 2 }))
  .map(
    ([fields, kept]) =>
      Object.fromEntries(Object.entries(fields).filter(([name, value]) => value && kept.includes(name))) as ModelFilter,
  );

const peer = fc.nat(PEERS - 1);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('turn' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      peer,
      filter: sparse,
      cap: optional(fc.integer({ min: 1, max: 12 })),
      snapshot: fc.constantFrom('full' as const, 'full' as const, 'none' as const),
      back: optional(fc.nat(15)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), nth: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stall' as const), peer }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flow' as const), peer }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('drain' as const), peer, frames: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('serve' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Subscribe = Extract<Step, { do: 'subscribe' }>;

// ── what a client sees ──────────────────────────────────────────────────────────────────────────────────────────────

/** What one subscription received, divided where it started again. */
interface Seen {
  readonly asked: Subscribe;
  readonly peer: Peer;
  readonly sub: number;
  /** The model's revision at `subscribe`. */
  readonly at: number;
  readonly since: number | undefined;
  readonly segments: { events: ModelEvent[]; synced: number | undefined }[];
  group: number;
  mode: string;
  /** The index with which the next batch, and then the next frame, must begin. */
  next: number;
  complete: { readonly reason: string; readonly delivered: number } | undefined;
}

const plainEvent = (event: readonly unknown[]): ModelEvent => {
  const [revision, type, kind, id, time, data, reason, problem] = event;
  const name = EVENT_TYPES[type as number]!;
  return [
    revision,
    name,
    kind,
    id,
    name === 'snapshot' ? null : time,
    data,
    reason ?? null,
    problem ?? null,
  ] as ModelEvent;
};

function take(seen: Seen, events: unknown): void {
  const plain = (events as unknown[][]).map(plainEvent);
  ok(plain.length > 0, 'no empty frames');
  strictEqual(seen.complete, undefined, 'nothing after complete');
  seen.segments.at(-1)!.events.push(...plain);
  seen.next += plain.length;
}

/** Reads the messages of one connection as PROTOCOL.md specifies. */
function follow(messages: readonly unknown[][], mine: readonly Seen[]): void {
  const bySub = (sub: unknown): Seen => mine.find((seen) => seen.sub === sub)!;
  for (const [type, to, second, third] of messages) {
    if (type === MessageType.subscribed) Object.assign(bySub(to), { group: second, mode: third });
    if (type === MessageType.batch) {
      strictEqual(second, bySub(to).next);
      take(bySub(to), third);
    }
    if (type === MessageType.synced) {
      bySub(to).segments.at(-1)!.synced = second as number;
      bySub(to).next = third as number;
    }
    if (type === MessageType.events) {
      const seen = mine.find(({ group, complete }) => group === to && !complete)!;
      ok(seen.segments.at(-1)!.synced !== undefined, 'no events before synced');
      strictEqual(second, seen.next, 'indices are continuous');
      take(seen, third);
    }
    if (type === MessageType.complete) bySub(to).complete = { reason: second as string, delivered: third as number };
    if (type === MessageType.resync) {
      bySub(to).segments.push({ events: [], synced: undefined });
      bySub(to).next = 1;
    }
  }
}

// ── what it must have seen ──────────────────────────────────────────────────────────────────────────────────────────

/** Everything that a segment could contain if nothing cut it short. */
function expectedFrom(model: Model, { asked, at, since, mode }: Seen, isFirst: boolean, synced: number): ModelEvent[] {
  if (isFirst && since !== undefined && mode === 'replay') return model.after(asked.filter, since);
  const cut = isFirst ? at : synced;
  const snapshot = asked.snapshot === 'full' ? model.snapshot(asked.filter, cut) : [];
  return [...snapshot, ...model.after(asked.filter, cut)];
}

function check(model: Model, seen: Seen): void {
  const cap = seen.asked.cap ?? Infinity;
  let total = 0;
  seen.segments.forEach(({ events, synced }, i) => {
    const isLast = i === seen.segments.length - 1;
    const endedInside = isLast && synced === undefined;
    // If the cap ended a resync inside its snapshot, the client never received its revision: any revision may fit.
    const cuts =
      synced !== undefined || i === 0 ? [synced ?? 0] : Array.from({ length: model.revision + 1 }, (_, n) => n);
    const fits = cuts.some((cut) => {
      const expected = expectedFrom(model, seen, i === 0, cut);
      const due =
        isLast && seen.complete?.reason !== 'unsubscribed'
          ? expected.slice(0, cap - total)
          : expected.slice(0, events.length);
      try {
        deepStrictEqual(events, due);
        return true;
      } catch (error) {
        if (cuts.length === 1) throw error;
        return false;
      }
    });
    ok(fits, 'the snapshot of a resync is one of the model');
    if (endedInside) ok(seen.complete, 'only a subscription that has ended has no synced');
    total += events.length;
  });
  if (seen.complete) strictEqual(seen.complete.delivered, total);
  strictEqual(seen.complete?.reason === 'max_events', total === cap && seen.complete?.reason !== 'unsubscribed');
}

// ── the run ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Limits {
  readonly maxHistoryEvents: number;
  readonly maxQueuedBytes: number;
}

class Run {
  readonly stream: Stream;
  readonly model = new Model();
  readonly peers: readonly Peer[];
  readonly seen: Seen[] = [];

  constructor(private readonly limits: Limits) {
    this.stream = new Stream(limits);
    this.peers = Array.from({ length: PEERS }, (_, n) => this.stream.connect(n === 0 ? 'json' : 'msgpack'));
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'turn':
        this.stream.turn(...step.changes.map((one) => this.#change(one)));
        return;
      case 'pass':
        this.stream.clock.advance(step.ms);
        this.model.pass(this.stream.clock.now());
        this.stream.expire();
        return;
      case 'subscribe':
        this.#subscribe(step);
        return;
      case 'unsubscribe': {
        const target = this.seen[step.nth];
        if (target) target.peer.say(MessageType.unsubscribe, target.sub);
        return;
      }
      case 'stall':
        this.peers[step.peer]!.socket.mode = 'stalled';
        return;
      case 'flow':
        this.peers[step.peer]!.socket.mode = 'flowing';
        this.peers[step.peer]!.drain();
        return;
      case 'drain':
        this.peers[step.peer]!.drain(step.frames);
        return;
      case 'serve':
        this.stream.serve(1);
    }
  }

  /** Lets each client read everything, and compares what it received with the model. */
  async finish(): Promise<void> {
    for (const one of this.peers) one.socket.mode = 'flowing';
    for (let i = 0; i < 5; i++) {
      for (const one of this.peers) one.drain();
      this.stream.serve(3);
    }
    strictEqual(this.stream.hub.revision, this.model.revision);
    for (const one of this.peers) {
      strictEqual(one.socket.closedWith, undefined);
      follow(
        one.heard(),
        this.seen.filter((seen) => seen.peer === one),
      );
    }
    for (const seen of this.seen) {
      const { since } = seen;
      if (since !== undefined) {
        const reachesBack = since >= seen.at - this.limits.maxHistoryEvents;
        strictEqual(seen.mode, reachesBack ? 'replay' : 'resync');
      }
      check(this.model, seen);
    }
  }

  #change(one: Extract<Step, { do: 'turn' }>['changes'][number]) {
    const now = this.stream.clock.now();
    switch (one.is) {
      case 'put': {
        const { endsInMs, ...fields } = one.content;
        const time = endsInMs === undefined ? undefined : new Date(now + endsInMs).toISOString();
        const data = JSON.parse(
          JSON.stringify({ ...fields, [one.kind === 'heartbeat' ? 'extended_expires_at' : 'expires_at']: time }),
        ) as ModelData;
        this.model.put(one.kind, one.id, data, now);
        return present(one.kind, one.id, data);
      }
      case 'remove':
        this.model.remove(one.kind, one.id, now);
        return absent(one.kind, one.id);
      case 'break':
        this.model.break(one.kind, one.id, now);
        return broken(one.kind, one.id);
    }
  }

  #subscribe(asked: Subscribe): void {
    const [peer, sub, at] = [this.peers[asked.peer]!, this.seen.length, this.model.revision];
    const since = asked.back === undefined ? undefined : Math.max(0, at - asked.back);
    const base = { asked, peer, sub, at, since, group: -1, mode: '', next: 1, complete: undefined };
    this.seen.push({ ...base, segments: [{ events: [], synced: undefined }] });
    peer.say(MessageType.subscribe, sub, {
      filter: asked.filter,
      snapshot: asked.snapshot,
      ...(asked.cap === undefined ? {} : { max_events: asked.cap }),
      ...(since === undefined ? {} : { since: `e:${String(since)}` }),
    });
  }
}

const limits = fc.record({
  maxHistoryEvents: fc.constantFrom(4, 12, 10_000),
  maxQueuedBytes: fc.constantFrom(1, 300, 262_144),
});

t.test('every subscription receives exactly what the model says, however its socket stalls', async () => {
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { minLength: 5, maxLength: 60 }), async (chosen, steps) => {
      const run = new Run(chosen);
      for (const one of steps) await run.take(one);
      await run.finish();
    }),
    { numRuns: 150 },
  );
});
