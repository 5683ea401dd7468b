import { recordKey, revision, type Revision } from '../../protocol/index.js';
import type { RecordVersion } from './record-version.js';
import type { StoreEvent } from './store-event.js';

/** A current record, and the revision at which its lease last ran out, or 0. */
export interface Standing {
  readonly version: RecordVersion;
  readonly lapsedAt: Revision;
}

/** Returns the record of an event after it; `undefined` if the event has removed it. */
export function standingAfter({ type, after, revision: at }: StoreEvent): Standing | undefined {
  return after && { version: after, lapsedAt: type === 'expired' ? at : revision(0) };
}

/** Returns the records after events that follow. */
export function standingAfterAll(standing: readonly Standing[], events: readonly StoreEvent[]): readonly Standing[] {
  const current = new Map(standing.map((each) => [recordKey(each.version.kind, each.version.id), each]));
  for (const event of events) {
    const key = recordKey(event.record.kind, event.record.id);
    const next = standingAfter(event);
    if (next) current.set(key, next);
    else current.delete(key);
  }
  return [...current.values()];
}
