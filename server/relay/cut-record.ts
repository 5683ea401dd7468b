import { packMessage } from '../../protocol/index.js';
import { RecordVersion } from '../store/record-version.js';
import { StoreEvent } from '../store/store-event.js';

const NO_DATA = packMessage({});

/**
 * Returns a version without its data, for a broker that takes no message of its size. What the record says is then unknown to an edge, as
 * if its file could not be read: a reservation counts as held. Only what it takes from the reservation it names is still told.
 */
export function cutVersion({ kind, id, revision, observedAt, signature, followed }: RecordVersion): RecordVersion {
  return RecordVersion.restored(kind, id, NO_DATA, revision, observedAt, signature, 'unreadable', followed);
}

/** Returns an event without the data that the record had before. Edges mostly know it. */
export const withoutBefore = (event: StoreEvent): StoreEvent => withVersions(event, event.after);

/** Returns an event whose versions are {@link cutVersion}. */
export const cutEvent = (event: StoreEvent): StoreEvent => withVersions(event, event.after && cutVersion(event.after));

/** @param next what the record is after the event. What it was before is cut, unless it is the same. */
function withVersions(
  { revision, type, time, before, after, reason, observed, lease }: StoreEvent,
  next: RecordVersion | undefined,
): StoreEvent {
  const previous = before === after ? next : before && cutVersion(before);
  return new StoreEvent(revision, type, time, previous, next, reason, observed, lease);
}
