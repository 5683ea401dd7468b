import fc from 'fast-check';
import {
  compileFilter,
  KINDS,
  revision,
  toBusEvent,
  unpackMessage,
  epoch,
  type WireEvent,
} from '../../protocol/index.js';
import { decodeHistoryEntry, encodeHistoryEntry } from '../../server/journal/entries.js';
import { History } from '../../server/store/history.js';
import { RecordStore } from '../../server/store/record-store.js';
import { parseRecord } from '../../server/watch/record-parser.js';
import { anyRecord } from '../support/any-json.js';
import { NOW } from '../support/changes.js';
import { record } from './grammar.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

const SAMPLES = 40;
const LIMITS = { maxHistoryEvents: 1_000, maxHistoryBytes: 1e7 };
const FILTERS = [
  {},
  { run_ids: ['r1'] },
  { addresses: ['**/a*', 'src/**'] },
  { branches: ['main'], kinds: ['task'] },
] as const;
const ORIGIN = { schemaVersion: '1', epoch: epoch('e') };

/** Passes the bytes of files to frames in both encodings, and back. An event must have the data of its file. */
export function recordsLife(random: Random): Promise<void> {
  const samples = fc
    .sample(fc.oneof(record, anyRecord), { numRuns: SAMPLES, seed: random.below(2 ** 31) })
    .map((value) => Buffer.from(JSON.stringify(value)));
  const store = new RecordStore();
  const history = new History(LIMITS, revision(0));
  const matchers = FILTERS.map((filter) => compileFilter(filter));
  samples.forEach((sample, i) => {
    const bytes = random.below(3) === 0 ? mutate(sample, random, random.pick(samples)) : sample;
    const kind = random.pick(KINDS);
    const id = `f${String(random.below(8))}`;
    const parsed = parseRecord(bytes, 32);
    const signature = { inode: i, mtimeNs: BigInt(i), size: bytes.length };
    const change =
      parsed.is === 'data'
        ? ({ is: 'present', kind, id, signature, data: parsed.data } as const)
        : ({ is: 'broken', kind, id, signature, problem: parsed.problem } as const);
    for (const event of [...store.apply(change, NOW), ...store.expireUntil(NOW)]) {
      history.append(event);
      for (const matcher of matchers) {
        const view = event.viewFor(matcher);
        if (view !== undefined) sameInBoth(event.encoded(view, 'msgpack'), event.encoded(view, 'json'));
      }
      const again = decodeHistoryEntry(encodeHistoryEntry(event), new Map());
      same(again.record.data, event.record.data);
      if (event.fault !== undefined) throw event.fault as Error;
    }
  });
  return Promise.resolve();
}

function sameInBoth(packed: Uint8Array, json: Uint8Array): void {
  const wire = unpackMessage(packed) as WireEvent;
  same(wire, JSON.parse(Buffer.from(json).toString()));
  toBusEvent(wire, ORIGIN);
}

function same(a: unknown, b: unknown): void {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error('the data of a record changed on its way');
}
