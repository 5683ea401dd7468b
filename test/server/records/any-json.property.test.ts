import assert from 'node:assert/strict';
import fc from 'fast-check';
import pc from 'picocolors';
import t from 'tap';
import { eventLine } from '../../../client/cli/terminal/event-text.js';
import { holderTable } from '../../../client/cli/commands/holders.js';
import { shortChange, shortRecord } from '../../../client/cli/mcp/answers.js';
import { sizeOf } from '../../../client/cli/mcp/cut.js';
import { topScreen } from '../../../client/cli/commands/top-screen.js';
import { topState } from '../../../client/cli/commands/top-state.js';
import { differences } from '../../../client/inspector/model/difference.js';
import { packedSize } from '../../../client/inspector/model/packed-size.js';
import { parseQuery } from '../../../client/inspector/model/query.js';
import { Timeline } from '../../../client/inspector/model/timeline.js';
import { detailOf } from '../../../client/inspector/worker/detail.js';
import { deriveState, summarize } from '../../../client/inspector/worker/derived-state.js';
import {
  compileFilter,
  decodeStrictly,
  epoch,
  KINDS,
  leaseForm,
  packMessage,
  revision,
  Swarm,
  toBusEvent,
  unixMillis,
  unpackMessage,
  type EventType,
  type Kind,
  type ProtocolError,
  type RecordData,
  type WireEvent,
} from '../../../protocol/index.js';
import { explainFilter } from '../../../server/inspection/explain.js';
import { FilterIndex } from '../../../server/delivery/filter-index.js';
import { eventsText, NDJSON, SERVER_SENT_EVENTS } from '../../../server/network/http/event-format.js';
import {
  decodeHistoryEntry,
  decodeStanding,
  encodeHistoryEntry,
  encodeStanding,
} from '../../../server/journal/entries.js';
import { encodeEventMessage, encodeStandingMessage } from '../../../server/relay/relay-message.js';
import { decodeRelayMessage } from '../../../server/relay/read-relay-message.js';
import { History } from '../../../server/store/history.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { parseRecord } from '../../../server/watch/record-parser.js';
import { anyRecord, TELLING_KEYS, TELLING_RECORDS } from '../../support/any-json.js';
import { NOW, present } from '../../support/changes.js';
import { forbiddenIn } from '../../support/hostile-texts.js';

const kinds = fc.constantFrom(...KINDS);
const literal = fc.constantFrom(...TELLING_RECORDS).map(([, text]) => JSON.parse(text) as RecordData);
const records = fc.oneof({ weight: 8, arbitrary: anyRecord }, { weight: 1, arbitrary: literal });
const RUNS = { numRuns: 150 };
const LIMITS = { maxHistoryEvents: 1_000, maxHistoryBytes: 1e8 };
const ORIGIN = { schemaVersion: '1', epoch: epoch('e') };
const text = (value: unknown): string => JSON.stringify(value);

/** Checks that `see` does not throw, whatever the data. Its results are compared as JSON. */
function forAnyRecord(see: (kind: Kind, data: RecordData, next: RecordData) => void): void {
  fc.assert(fc.property(kinds, records, records, see), RUNS);
}

/** The events of a record that was added, modified and removed. */
function lifeOf(kind: Kind, data: RecordData, next: RecordData) {
  const store = new RecordStore();
  const history = new History(LIMITS, revision(0));
  const events = [
    ...store.apply(present(kind, 'x', data), NOW),
    ...store.apply(present(kind, 'x', next), NOW),
    ...store.expireUntil(unixMillis(8e14)),
    ...store.apply({ is: 'absent', kind, id: 'x' }, NOW),
    ...store.apply(present(kind, 'y', data), NOW),
  ];
  for (const event of events) history.append(event);
  return { store, history, events };
}

t.test('a file of any legal JSON object is read as that object', async () => {
  forAnyRecord((_kind, data) => {
    const parsed = parseRecord(Buffer.from(text(data)), 64);
    assert.equal(parsed.is === 'data' && text(parsed.data), text(data));
  });
});

t.test('both encodings keep the data of a file, toJSON and constructor included', async () => {
  forAnyRecord((_kind, data) => {
    assert.equal(text(unpackMessage(packMessage(data))), text(data));
    assert.equal(text(unpackMessage(packMessage([1, [data, { data }]]))), text([1, [data, { data }]]));
  });
});

t.test('a map with more keys than 16 bits can count can be packed', async (t) => {
  const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${String(i)}`, i]));
  t.equal(text(unpackMessage(packMessage({ wide }))), text({ wide }));
});

t.test('any bytes of a client are decoded or refused, and have no other effect', async () => {
  forAnyRecord((_kind, data) => {
    for (const [encoding, bytes] of [
      ['msgpack', packMessage([data])],
      ['json', Buffer.from(text([data]))],
    ] as const) {
      try {
        assert.equal(text(decodeStrictly(encoding, bytes)), text([data]));
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        assert.equal((error as ProtocolError).code, 'bad-message');
      }
    }
  });
});

t.test('the events of any record are the same in both encodings, and correct', async () => {
  forAnyRecord((kind, data, next) => {
    const { events } = lifeOf(kind, data, next);
    for (const event of events) {
      for (const view of ['plain', ...(event.before ? (['left'] as const) : [])] as const) {
        const packed = unpackMessage(event.encoded(view, 'msgpack'));
        assert.equal(text(packed), text(JSON.parse(Buffer.from(event.encoded(view, 'json')).toString())));
      }
    }
  });
});

t.test('filters and their index read only values of the right type', async () => {
  const value = fc.constantFrom('r1', 'main', 'constructor', '__proto__', 'toString', '', 'src/a.py');
  const filters = fc.record(
    {
      run_ids: fc.array(value, { minLength: 1 }),
      branches: fc.array(value, { minLength: 1 }),
      ids: fc.array(value, { minLength: 1 }),
      addresses: fc.array(fc.oneof(value, fc.constantFrom('**', 'src/**', '*o*')), { minLength: 1 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(kinds, records, filters, (kind, data, filter) => {
      const { store, history, events } = lifeOf(kind, data, data);
      const index = new FilterIndex<{ readonly filter: typeof filter }>();
      const item = { filter };
      index.add(item);
      const matcher = compileFilter(filter);
      for (const event of events) {
        let isCandidate = false;
        index.eachCandidate(event.record.matchable, () => (isCandidate = true));
        if (matcher.matches(event.record.matchable)) assert.ok(isCandidate);
        event.viewFor(matcher);
        const known = { store, history, revision: history.newest };
        t.type(
          explainFilter(known, filter, matcher, {
            about: { is: 'filter', filter },
            record: undefined,
            revision: event.revision,
          }).verdict,
          'string',
        );
      }
      index.delete(item);
    }),
    RUNS,
  );
});

t.test('any value in place of a time of a lease leads to an end, or to none', async () => {
  forAnyRecord((kind, data, next) => {
    const { store } = lifeOf(kind, data, next);
    store.leases.nextDeadline();
    store.leases.state('y', NOW);
    store.leases.effectiveExpiry('y');
  });
});

t.test('the journal keeps any event unchanged', async () => {
  forAnyRecord((kind, data, next) => {
    const { events, store } = lifeOf(kind, data, next);
    for (const event of events) {
      const read = decodeHistoryEntry(encodeHistoryEntry(event), new Map());
      assert.equal(text(read.record.data), text(event.record.data));
      assert.equal(read.type, event.type);
    }
    const version = store.get(kind, 'y')!;
    const standing = decodeStanding(encodeStanding({ version, lapsedAt: revision(0) }), new Map());
    assert.equal(text(standing.version.data), text(data));
  });
});

t.test('the relay keeps any event unchanged', async () => {
  const stamp = { origin: 'o', epoch: epoch('e'), position: revision(7) };
  forAnyRecord((kind, data, next) => {
    const { events, store } = lifeOf(kind, data, next);
    for (const event of events) {
      const read = decodeRelayMessage(encodeEventMessage(stamp, event));
      if (read.is !== 'event') throw new Error('another kind of message');
      assert.equal(text((read.after ?? read.before)!.data), text(event.record.data));
    }
    const standing = decodeRelayMessage(encodeStandingMessage(stamp, store.get(kind, 'y')!));
    assert.equal(standing.is === 'standing' && text(standing.version.data), text(data));
  });
});

/** The JSON views of all events of a record. */
function shownEvents(kind: Kind, data: RecordData, next: RecordData) {
  const wires = lifeOf(kind, data, next).events.map(
    (event) => unpackMessage(event.encoded('plain', 'msgpack')) as WireEvent,
  );
  return { wires, events: wires.map((wire) => toBusEvent(wire, ORIGIN)) };
}

t.test('streams over HTTP carry each event as one line of JSON', async () => {
  forAnyRecord((kind, data, next) => {
    const { wires, events } = shownEvents(kind, data, next);
    const lines = eventsText(NDJSON, ORIGIN, wires).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => text(JSON.parse(line))),
      events.map(text),
    );
    const messages = eventsText(SERVER_SENT_EVENTS, ORIGIN, wires)
      .split('\n')
      .filter((line) => line.startsWith('data:'));
    assert.equal(messages.length, wires.length);
  });
});

/** The number of characters for one record in an answer to a model. */
const ROOM = 1_000;

t.test('the command line and the answers to models show any record, and lists of any records', async () => {
  forAnyRecord((kind, data, next) => {
    const swarm = new Swarm();
    for (const event of shownEvents(kind, data, next).events) {
      assert.deepEqual(forbiddenIn(eventLine(event).written(pc.createColors(false))), []);
      for (const shown of [
        shortRecord(event, false, ROOM),
        shortRecord(event, true, ROOM),
        shortChange(event, false, ROOM),
      ]) {
        assert.ok(sizeOf(shown.value) <= ROOM);
        assert.deepEqual(forbiddenIn(text(shown.value)), []);
      }
      swarm.put(event);
      topScreen(topState(swarm, { now: NOW }), { label: '', now: NOW, trouble: '' });
      holderTable(swarm.leases({ now: NOW }).map(leaseForm), NOW);
      text([swarm.problems(), swarm.tasks({ now: NOW }), swarm.dependencyCycles(), swarm.deadlocks({ now: NOW })]);
    }
  });
});

t.test('the inspector shows any record, and all data that it derives from records', async () => {
  const TYPES: readonly EventType[] = ['snapshot', 'added', 'modified', 'removed', 'expired'];
  const queries = TELLING_KEYS.flatMap((name) => [`${name}:x`, `run:${name}`, name]);
  for (const query of queries) parseQuery(query);
  forAnyRecord((kind, data, next) => {
    const timeline = new Timeline(1_000_000);
    let number = 0;
    for (const { event_type: type, id, data: shown } of shownEvents(kind, data, next).events) {
      if (!TYPES.includes(type)) continue;
      timeline.addEvent({ type, kind, id, data: shown, revision: ++number, atMs: NOW + number, lagMs: 1 });
    }
    const derived = deriveState(timeline.head, NOW, undefined);
    summarize(derived, { eventsPerSecond: 1, lagMs: undefined });
    detailOf({ type: 'record', key: `${kind}/y` }, derived, timeline.capture, timeline.capture.length);
    differences(data, next);
    assert.equal(packedSize(data), packMessage(data).length);
  });
});
