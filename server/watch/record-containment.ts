import type { Kind, Observed, UnixMillis } from '../../protocol/index.js';
import type { Change } from '../store/change.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { UNSUPERVISED, type Supervision } from '../runtime/supervisor.js';
import type { Reading, RecordReader } from './record-reader.js';

/** The parts that read a record and give the change to the store. */
export interface ContainmentServices {
  readonly store: RecordStore;
  readonly reader: RecordReader;
  /** @default errors are thrown to the caller */
  readonly supervision?: Supervision | undefined;
}

const NO_EVENTS: readonly StoreEvent[] = [];

/** Reads a record. If the reader throws, the record is `unprocessable`. */
export function readContained(
  { reader, supervision = UNSUPERVISED }: ContainmentServices,
  kind: Kind,
  id: string,
): Reading {
  try {
    return reader.read(kind, id);
  } catch (error) {
    supervision.report('reading a record', error, reader.fingerprint(kind, id));
    return { is: 'broken', kind, id, problem: 'unprocessable', signature: undefined };
  }
}

/**
 * Applies a change to the store. If the store throws, only this record gets the problem `unprocessable`: its last good data
 * stays current, and other records are not affected.
 */
export function applyContained(
  { store, reader, supervision = UNSUPERVISED }: ContainmentServices,
  change: Change,
  now: UnixMillis,
  observed: Observed = 'live',
): readonly StoreEvent[] {
  try {
    return store.apply(change, now, observed);
  } catch (error) {
    const { kind, id } = change;
    supervision.report('taking in a record', error, reader.fingerprint(kind, id));
    const signature = change.is === 'absent' ? undefined : change.signature;
    let events = NO_EVENTS;
    supervision.contain('setting a record aside', () => {
      events = store.apply({ is: 'broken', kind, id, problem: 'unprocessable', signature }, now, observed);
    });
    return events;
  }
}
