import t from 'tap';
import { epoch, KINDS, revision, unixMillis, type RecordData } from '../../../protocol/index.js';
import { NoBaseError, StateBuilder } from '../../../server/relay/cold-start.js';
import { Outbox, type Outgoing, type StreamPosition } from '../../../server/relay/outbox.js';
import { eventOf, type RelayMessage } from '../../../server/relay/relay-message.js';
import { decodeRelayMessage, RelayFormatError } from '../../../server/relay/read-relay-message.js';
import { encodeId, RelayNames } from '../../../server/relay/relay-names.js';
import { History } from '../../../server/store/history.js';
import { RecordStore } from '../../../server/store/record-store.js';

const NAMES = new RelayNames('shop');
const EPOCH = epoch('01EPOCH');
const NOW = unixMillis(1_774_882_800_000);

/** A store with its history, and the stream that an outbox fills from it. */
class Origin {
  readonly store = new RecordStore();
  readonly epoch = EPOCH;
  readonly history: History;
  readonly stream: { readonly outgoing: Outgoing; readonly message: RelayMessage; readonly sequence: number }[] = [];
  #writes = 0;
  outbox: Outbox;

  constructor(maxHistoryEvents = 100, position?: StreamPosition) {
    this.history = new History({ maxHistoryEvents, maxHistoryBytes: 1e6 }, revision(0));
    this.outbox = this.outboxAt(position);
  }

  outboxAt(position?: StreamPosition): Outbox {
    return new Outbox(NAMES, 'me', this, position);
  }

  put(id: string, data: RecordData): this {
    const signature = { inode: 1, mtimeNs: BigInt(++this.#writes), size: 0 };
    for (const event of this.store.apply({ is: 'present', kind: 'task', id, signature, data }, NOW))
      this.history.append(event);
    return this;
  }

  skip(to: number): this {
    this.store.restore(
      [...this.store.cut().versions].map((version) => ({ version, lapsedAt: revision(0) })),
      revision(to),
    );
    this.history.skip(revision(to));
    return this;
  }

  remove(id: string): this {
    for (const event of this.store.apply({ is: 'absent', kind: 'task', id }, NOW)) this.history.append(event);
    return this;
  }

  /** Sends up to `most` messages. */
  send(most = Infinity): this {
    for (let i = 0; i < most; i++) {
      const outgoing = this.outbox.next(this.stream.length + 1);
      if (!outgoing) return this;
      this.stream.push({ outgoing, message: decodeRelayMessage(outgoing.payload), sequence: this.stream.length + 1 });
    }
    return this;
  }

  /** Returns a short form of the messages in the stream. */
  told(from = 0): string[] {
    return this.stream.slice(from).map(({ message: { position, ...message }, outgoing: { subject } }) => {
      const id = subject.split('.').at(-1)!;
      const what = message.is === 'event' ? message.type : message.is === 'base' ? message.phase : message.is;
      return `${id} ${what} ${String(position)}`;
    });
  }

  /** Returns the records as an edge builds them from the last message of each subject. */
  state(from = this.baseFrom): Record<string, RecordData> {
    const builder = new StateBuilder(from);
    const last = new Map(this.stream.map(({ outgoing }, i) => [outgoing.subject, i]));
    this.stream.forEach(({ outgoing: { subject }, message, sequence }, i) => {
      if (last.get(subject) === i) builder.take({ sequence, subject, pending: 0, message });
    });
    return Object.fromEntries(builder.build().versions.map(({ id, data }) => [id, data]));
  }

  get baseFrom(): number {
    const end = this.stream.findLast(({ message }) => message.is === 'base');
    return end?.message.is === 'base' && end.message.phase === 'end' ? end.message.from : NaN;
  }
}

t.test('an empty stream receives a base: a mark, each current record, a mark', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).put('b', { n: 2 }).send();
  t.strictSame(origin.told(), ['base begin 2', 'a standing 2', 'b standing 2', 'base end 2']);
  t.same(origin.state(), { a: { n: 1 }, b: { n: 2 } });
});

t.test('events are sent in order, each with its cursor as the message id', async (t) => {
  const origin = new Origin().send().put('a', { n: 1 }).put('a', { n: 2 }).remove('a').send();
  t.strictSame(origin.told(2), ['a added 1', 'a modified 2', 'a removed 3']);
  t.strictSame(
    origin.stream.slice(2).map(({ outgoing }) => outgoing.messageId),
    ['01EPOCH:1', '01EPOCH:2', '01EPOCH:3'],
  );
  t.same(origin.state(), {}, 'the last message of the subject says that it is gone');
});

t.test('events during a base are sent between its records, and no record is sent in an old state', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).put('b', { n: 1 }).put('c', { n: 1 });
  origin.send(2).put('b', { n: 2 }).remove('c').put('d', { n: 1 }).send();
  t.strictSame(origin.told(), [
    'base begin 3',
    'a standing 3',
    'b modified 4',
    'c removed 5',
    'd added 6',
    'b standing 6',
    'base end 6',
  ]);
  t.same(origin.state(), { a: { n: 1 }, b: { n: 2 }, d: { n: 1 } });
});

t.test('an origin that comes back continues after the last event in the stream', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).send().put('a', { n: 2 }).put('a', { n: 3 });
  origin.outbox = origin.outboxAt({ epoch: EPOCH, revision: revision(2), baseFrom: 1 });
  origin.send();
  t.strictSame(origin.told(3), ['a modified 3']);
});

t.test(
  'the stream begins again if history does not reach back, in a new epoch, and if the stream is ahead of the origin',
  async (t) => {
    const cases: readonly (readonly [why: RegExp, position: StreamPosition])[] = [
      [/does not reach back/, { epoch: EPOCH, revision: revision(1), baseFrom: 1 }],
      [/new epoch/, { epoch: epoch('OTHER'), revision: revision(9), baseFrom: 1 }],
      [/ahead/, { epoch: EPOCH, revision: revision(90), baseFrom: 1 }],
    ];
    for (const [why, position] of cases) {
      const origin = new Origin(2).put('a', { n: 1 }).put('a', { n: 2 }).put('b', { n: 1 }).put('b', { n: 2 });
      origin.outbox = origin.outboxAt(position);
      origin.send();
      t.strictSame(origin.told(), ['base begin 4', 'a standing 4', 'b standing 4', 'base end 4']);
      const { message } = origin.stream[0]!;
      t.match(message.is === 'base' && message.phase === 'begin' && message.why, why);
    }
  },
);

t.test('an origin that has lost revisions says so, and the stream continues after them', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).send().put('a', { n: 2 });
  origin.skip(9).put('a', { n: 3 });
  origin.send();
  t.strictSame(origin.told(3), ['a modified 2', 'skip skip 9', 'a modified 10']);
  t.match(origin.stream.at(-2)?.message, { is: 'skip', after: 2, position: 9 });
  t.same(origin.state(), { a: { n: 3 } }, 'an edge that begins then is not in doubt');
  origin.outbox = origin.outboxAt({ epoch: EPOCH, revision: revision(9), baseFrom: 1 });
  origin.send();
  t.strictSame(origin.told(6), ['a modified 10'], 'from the end of them on');
  origin.outbox = origin.outboxAt({ epoch: EPOCH, revision: revision(5), baseFrom: 1 });
  origin.send(1);
  const { message } = origin.stream.at(-1)!;
  t.match(message.is === 'base' && message.phase === 'begin' && message.why, /lost/, 'from inside of them no edge can');
});

t.test('a refreshed base has no mark before it, so no edge begins again', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).send();
  origin.outbox.wantBase();
  origin.send();
  t.strictSame(origin.told(3), ['a standing 1', 'base end 1']);
  t.same(origin.state(), { a: { n: 1 } });
});

t.test('an event is unchanged by encoding and decoding, with the states before and after it', async (t) => {
  const origin = new Origin().send().put('a', { run_id: 'ü' }).put('a', { run_id: 'x' }).remove('a').send();
  const events = origin.stream.map(({ message }) => message).filter((message) => message.is === 'event');
  for (const [i, message] of events.entries()) {
    const sent = origin.history.at(i + 1);
    const come = eventOf(message);
    t.same([come.revision, come.type, come.time, come.reason], [sent.revision, sent.type, sent.time, sent.reason]);
    t.same(come.before?.data, sent.before?.data);
    t.same(come.after?.data, sent.after?.data);
    t.same(come.encoded('plain', 'msgpack'), sent.encoded('plain', 'msgpack'), 'byte by byte');
  }
});

t.test('an expired event has one state, which is the same before and after', async (t) => {
  const origin = new Origin().send();
  const data = { expires_at: new Date(NOW + 1_000).toISOString() };
  const change = {
    is: 'present',
    kind: 'reservation',
    id: 'r',
    data,
    signature: { inode: 1, mtimeNs: 1n, size: 1 },
  } as const;
  for (const event of origin.store.apply(change, NOW)) origin.history.append(event);
  for (const event of origin.store.expireUntil(unixMillis(NOW + 2_000))) origin.history.append(event);
  origin.send();
  const message = origin.stream.at(-1)!.message;
  if (message.is !== 'event') throw new Error('no event');
  const event = eventOf(message);
  t.equal(event.type, 'expired');
  t.equal(event.before, event.after);
});

t.test('a message of another format is refused with the reason', async (t) => {
  t.throws(() => decodeRelayMessage(Buffer.from('hello')), RelayFormatError);
  t.throws(() => decodeRelayMessage(Buffer.of(0x91, 99)), /format 1: update/);
});

t.test('every id becomes one token of a subject, and different ids become different tokens', async (t) => {
  const ids = ['plain-1', 'sha256:0a', 'a.b', 'a=2Eb', 'a*b', 'a>b', 'a b', 'ü', 'ü.ü', '=', '日本', 'A', 'a'];
  const tokens = ids.map(encodeId);
  for (const token of tokens) t.match(token, /^[A-Za-z0-9_:@+=-]+$/);
  t.equal(new Set(tokens).size, ids.length);
  t.equal(NAMES.record(KINDS.indexOf('task'), 'a.b'), 'muse.shop.task.a=2Eb');
});

t.test('an edge that looked up a base before the origin began anew takes nothing of it', async (t) => {
  const origin = new Origin(1).put('a', { n: 1 }).put('b', { n: 1 }).send();
  const { baseFrom } = origin;
  origin.remove('a').put('b', { n: 2 }).put('b', { n: 3 }).send(2);
  t.throws(
    () => origin.state(baseFrom),
    new NoBaseError('the origin is sending its records'),
    'not all have been sent',
  );
  t.same(origin.send().state(baseFrom), { b: { n: 3 } }, 'a was removed meanwhile, of which no message tells');
});

t.test('an edge begins with nothing of an earlier epoch that somebody has published again', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).send().put('b', { n: 1 }).send();
  const builder = new StateBuilder(origin.baseFrom);
  const positioned = origin.stream.map(({ outgoing: { subject }, ...rest }) => ({ ...rest, subject, pending: 0 }));
  for (const each of positioned) builder.take(each);
  t.equal(builder.build().versions.length, 2);
  const { message, ...last } = positioned.at(-1)!;
  builder.take({ ...last, sequence: last.sequence + 1, message: { ...message, epoch: epoch('01BEFORE') } });
  t.throws(() => builder.build(), NoBaseError);
});

t.test('an edge does not begin with what a purge has left of a stream whose base it had looked up', async (t) => {
  const origin = new Origin().put('a', { n: 1 }).send();
  const builder = new StateBuilder(origin.baseFrom);
  const { outgoing, message, sequence } = origin.put('b', { n: 1 }).send().stream.at(-1)!;
  builder.take({ sequence, subject: outgoing.subject, pending: 0, message });
  t.throws(() => builder.build(), NoBaseError);
});
