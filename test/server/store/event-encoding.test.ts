import fc from 'fast-check';
import t from 'tap';
import { PROBLEMS, REASONS, revision, unpackMessage, type RecordData } from '../../../protocol/index.js';
import { encodeEvent, type EventFields } from '../../../server/store/event-encoding.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { compileFilter } from '../../../protocol/index.js';
import { NOW, present } from '../../support/changes.js';

function fieldsOf(id: string, data: RecordData, more: Partial<EventFields> = {}): EventFields {
  const record = new RecordVersion('task', id, data, revision(1), NOW, undefined, undefined);
  const plain = { revision: 1, type: 1, kind: 4, timeMs: NOW, record };
  return { ...plain, reason: undefined, problem: undefined, observed: undefined, ...more };
}

const packed = (fields: EventFields): unknown => unpackMessage(encodeEvent(fields, 'msgpack'));
const json = (fields: EventFields): unknown => JSON.parse(Buffer.from(encodeEvent(fields, 'json')).toString());

t.test('absent fields at the end are omitted, others are nil', async (t) => {
  const cases: [Partial<EventFields>, unknown[]][] = [
    [{}, []],
    [{ reason: 'deleted' }, ['deleted']],
    [{ problem: 'link' }, [null, 'link']],
    [{ observed: 'restart' }, [null, null, 'restart']],
    [{ reason: 'ttl', problem: 'bad-timestamp', observed: 'restart' }, ['ttl', 'bad-timestamp', 'restart']],
  ];
  for (const [more, tail] of cases) {
    const expected = [1, 1, 4, 't', NOW, { a: 1 }, ...tail];
    t.strictSame(packed(fieldsOf('t', { a: 1 }, more)), expected);
    t.strictSame(json(fieldsOf('t', { a: 1 }, more)), expected);
  }
});

t.test('MessagePack, read by a second decoder, equals the JSON encoding', async () => {
  const fields = fc.record({
    id: fc.string({ unit: 'binary', minLength: 0, maxLength: 60 }),
    // A record with this key is always refused.
    data: fc
      .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }))
      .filter((data) => !JSON.stringify(data).includes('__proto__')),
    revision: fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.maxSafeNat()),
    timeMs: fc.oneof(fc.nat(), fc.maxSafeNat()),
    type: fc.integer({ min: 0, max: 4 }),
    reason: fc.constantFrom(undefined, ...REASONS),
    problem: fc.constantFrom(undefined, ...PROBLEMS),
    observed: fc.constantFrom(undefined, 'restart' as const),
  });
  fc.assert(
    fc.property(fields, ({ id, data, ...more }) => {
      // The value as a file holds it: JSON does not keep -0 and similar values.
      const asFile = JSON.parse(JSON.stringify(data)) as RecordData;
      const made = fieldsOf(id, asFile, more);
      t.strictSame(packed(made), json(made));
    }),
    { numRuns: 100 },
  );
});

t.test('ids of every length that a file name allows are kept', async (t) => {
  for (const length of [1, 31, 32, 85, 255, 256]) {
    const id = 'x'.repeat(length);
    t.equal((packed(fieldsOf(id, {})) as unknown[])[3], id);
  }
  const widest = '\u{1f600}'.repeat(64);
  t.equal((packed(fieldsOf(widest, {})) as unknown[])[3], widest);
});

t.test('an event is encoded once for each of its views', async (t) => {
  const store = new RecordStore();
  store.apply(present('task', 't1', { run_id: 'a' }), NOW);
  const event = store.apply(present('task', 't1', { run_id: 'b' }), NOW)[0]!;
  const view = (run: string) => event.viewFor(compileFilter({ run_ids: [run] }));
  t.same([view('a'), view('b'), view('c')], ['left', 'entered', undefined]);
  t.equal(event.viewFor(compileFilter({})), 'plain');
  for (const encoding of ['msgpack', 'json'] as const) {
    for (const seen of ['plain', 'left', 'entered'] as const) {
      t.equal(event.encoded(seen, encoding), event.encoded(seen, encoding), `${seen} ${encoding}`);
    }
  }
  t.strictSame(unpackMessage(event.encoded('left', 'msgpack')), [2, 3, 4, 't1', NOW, { run_id: 'a' }, 'left-filter']);
  t.strictSame(unpackMessage(event.encoded('entered', 'msgpack')), [2, 1, 4, 't1', NOW, { run_id: 'b' }]);
});
