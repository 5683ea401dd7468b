import t, { type Test } from 'tap';
import { MessageType, type Matchable } from '../../../protocol/index.js';
import type { Limits } from '../../../server/index.js';
import { UNSUPERVISED } from '../../../server/runtime/supervisor.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { present } from '../../support/changes.js';
import { Stream, type Peer } from '../../support/stream.js';

/** A stream that goes on after a fault, and its reports. */
function supervised(limits: Partial<Limits> = {}) {
  const reports: { readonly where: string; readonly error: unknown; readonly about: unknown }[] = [];
  const stream = new Stream(limits, undefined, {
    ...UNSUPERVISED,
    report: (where, error, about) => void reports.push({ where, error, about }),
  });
  return { stream, reports };
}

const fails = (): never => {
  throw new Error('planted');
};

/** Makes the JSON of a record fail, but not of what is told instead. */
function plantUnwritable(t: Test, id: string): void {
  const json = Object.getOwnPropertyDescriptor(RecordVersion.prototype, 'json')!;
  t.teardown(() => Object.defineProperty(RecordVersion.prototype, 'json', json));
  Object.defineProperty(RecordVersion.prototype, 'json', {
    ...json,
    get(this: RecordVersion): unknown {
      return this.id === id && this.problem === undefined ? fails() : json.get!.call(this);
    },
  });
}

/** Makes the filters of a stream that have a field fail for a record. */
function plantUnmatchable({ hub }: Stream, id: string): void {
  for (const { matcher } of [...hub.fanOut.groups()].filter(({ filter }) => Object.keys(filter).length > 0)) {
    const matches = matcher.matches.bind(matcher);
    Object.assign(matcher, { matches: (record: Matchable) => (record.id === id ? fails() : matches(record)) });
  }
}

type Told = readonly [id: string, problem: unknown];
function told(peer: Peer): Told[] {
  const withEvents = peer.heard().filter(([type]) => type === MessageType.batch || type === MessageType.events);
  return withEvents.flatMap(([, , , events]) => (events as unknown[][]).map((event) => [event[3], event[7]] as Told));
}

for (const what of ['matched', 'encoded'] as const) {
  t.test(`a record that cannot be ${what} is told as unprocessable, and every other as it is`, async (t) => {
    const { stream, reports } = supervised();
    const live = stream.connect('json');
    live.say(MessageType.subscribe, 1, { filter: { kinds: ['task'] } });
    // Neither its filter nor its encoding fails.
    const unaffected = stream.connect('msgpack');
    unaffected.say(MessageType.subscribe, 1);
    for (const peer of [live, unaffected]) peer.heard();
    if (what === 'matched') plantUnmatchable(stream, 'bad');
    else plantUnwritable(t, 'bad');
    stream.turn(present('task', 'bad'), present('task', 'good'));
    const wanted = [
      ['bad', 'unprocessable'],
      ['good', undefined],
    ];
    t.same(told(live), wanted, 'in a turn');
    t.same(
      told(unaffected).map(([id, problem]) => [id, problem ?? undefined]),
      [
        ['bad', undefined],
        ['good', undefined],
      ],
    );
    const late = stream.connect('json');
    late.say(MessageType.subscribe, 1, { filter: { kinds: ['task'] } });
    t.same(told(late), wanted, 'and in a snapshot');
    t.same(
      reports.map(({ where, error }) => [where, (error as Error).message]),
      [
        ['matching or encoding a record', 'planted'],
        ['a record in a snapshot', 'planted'],
      ],
    );
    t.strictSame(
      reports.map(({ about }) => about),
      Array.from({ length: 2 }, () => ({ kind: 'task', id: 'bad' })),
    );
  });
}

/** Makes the engine throw at the next frame. */
function breakSocket({ socket }: Peer): void {
  socket.send = fails;
}

t.test('a connection that cannot be sent to ends, and every other receives what it would have', async (t) => {
  const { stream } = supervised();
  const peers = [stream.connect(), stream.connect(), stream.connect('json')];
  for (const peer of peers) peer.say(MessageType.subscribe, 1);
  breakSocket(peers[0]!);
  for (const peer of peers) peer.heard();
  stream.turn(present('task', 'a'));
  stream.turn(present('task', 'b'));
  t.ok(peers[0]!.socket.closedWith);
  for (const peer of peers.slice(1)) {
    t.same(
      told(peer).map(([id]) => id),
      ['a', 'b'],
    );
    t.notOk(peer.socket.closedWith);
  }
});

t.test('a connection that fails while it catches up ends, and the next one is served', async (t) => {
  const { stream } = supervised({ maxQueuedBytes: 1 });
  const [failing, other] = [stream.connect(), stream.connect()];
  for (const peer of [failing, other]) {
    peer.socket.mode = 'stalled';
    peer.say(MessageType.subscribe, 1);
  }
  stream.turn(present('task', 'a'));
  for (const peer of [failing, other]) peer.socket.mode = 'flowing';
  breakSocket(failing);
  for (const peer of [failing, other]) peer.drain();
  stream.serve();
  t.ok(failing.socket.closedWith);
  t.same(
    told(other).map(([id]) => id),
    ['a'],
  );
});
