import fc from 'fast-check';
import { compileFilter, epoch, packMessage, revision, unixMillis, unpackMessage } from '../../protocol/index.js';
import { readAlive, readSilent } from '../../server/relay/alive-message.js';
import { StateBuilder } from '../../server/relay/cold-start.js';
import { Past } from '../../server/relay/past.js';
import { decodeRelayMessage, RelayFormatError } from '../../server/relay/read-relay-message.js';
import { encodeEventMessage, encodeMark, encodeStandingMessage, eventOf } from '../../server/relay/relay-message.js';
import { RecordReplica } from '../../server/store/record-replica.js';
import { RecordStore } from '../../server/store/record-store.js';
import { anyRecord } from '../support/any-json.js';
import { NOW, present } from '../support/changes.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

const SAMPLES = 12;
const STAMP = { origin: 'o', epoch: epoch('e'), position: revision(9) };
const EVERYTHING = compileFilter({});

/** Messages as an origin sends them, and mutated ones. They are read and applied as in an edge, or refused with `RelayFormatError`. */
export function relayLife(random: Random): Promise<void> {
  const messages = honest(random);
  const records = new RecordReplica([], revision(0), NOW);
  const builder = new StateBuilder(0);
  const past = new Past(STAMP.epoch);
  messages.forEach((bytes, sequence) => {
    const changed =
      random.below(4) > 0 ? mutate(Buffer.from(bytes), random, Buffer.from(random.pick(messages))) : bytes;
    const reading = read(random.below(10) === 0 ? odd(random, changed) : changed);
    if (!reading) return;
    builder.take({ sequence, subject: String(random.below(4)), pending: 0, message: reading });
    past.take(reading);
    if (reading.is !== 'event') return;
    const { kind, id } = (reading.after ?? reading.before)!;
    const event = eventOf(reading, records.get(kind, id));
    records.follow(event);
    const view = event.viewFor(EVERYTHING);
    if (view === undefined) return;
    JSON.parse(Buffer.from(event.encoded(view, 'json')).toString());
    unpackMessage(event.encoded(view, 'msgpack'));
    if (event.fault !== undefined) throw event.fault as Error;
  });
  try {
    new RecordReplica(builder.build().versions, revision(9), unixMillis(0));
  } catch (error) {
    if ((error as Error).name !== 'NoBaseError') throw error;
  }
  readAlive(random.pick(ODD));
  readSilent(random.pick(ODD));
  return Promise.resolve();
}

function honest(random: Random): Uint8Array[] {
  const store = new RecordStore();
  const records = fc.sample(anyRecord, { numRuns: SAMPLES, seed: random.below(2 ** 31) });
  const messages = records.flatMap((data, i) => {
    const kind = random.pick(['task', 'reservation', 'heartbeat'] as const);
    const id = `r${String(i % 5)}`;
    const changes = [present(kind, id, data), ...(random.below(4) === 0 ? [{ is: 'absent', kind, id } as const] : [])];
    const events = changes.flatMap((change) => store.apply(change, NOW));
    const version = store.get(kind, id);
    return [
      ...events.map((event) => encodeEventMessage(STAMP, event)),
      ...(version ? [encodeStandingMessage(STAMP, version)] : []),
    ];
  });
  return [
    encodeMark(STAMP, { is: 'base', phase: 'begin', why: 'new' }),
    ...messages,
    encodeMark(STAMP, { is: 'base', phase: 'end', from: 1, records: 3 }),
    encodeMark(STAMP, { is: 'claim', host: 'h', pid: 1, root: '/r', since: NOW }),
    encodeMark(STAMP, { is: 'skip', after: revision(1) }),
  ];
}

const ODD: readonly unknown[] = [
  null,
  -1,
  1e308,
  NaN,
  '',
  'x'.repeat(5_000),
  [],
  {},
  true,
  [[]],
  { is: 'claim' },
  new Uint8Array(3),
];

/** A message in which one field has another type. */
function odd(random: Random, bytes: Uint8Array): Uint8Array {
  try {
    const fields = unpackMessage(bytes);
    if (!Array.isArray(fields)) return bytes;
    fields[random.below(fields.length + 1)] = random.pick(ODD);
    return packMessage(fields);
  } catch {
    return bytes;
  }
}

function read(bytes: Uint8Array) {
  try {
    return decodeRelayMessage(bytes);
  } catch (error) {
    if (error instanceof RelayFormatError) return undefined;
    throw error;
  }
}
