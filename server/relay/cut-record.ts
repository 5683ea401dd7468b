import { packMessage } from '../../protocol/index.js';
import type { Log } from '../runtime/log.js';
import { RecordVersion } from '../store/record-version.js';
import { StoreEvent } from '../store/store-event.js';

const NO_DATA = packMessage({});

/**
 * Returns a version without its data, for a broker that takes no message of its size. What the record says is then unknown to an edge, as
 * if its file could not be read: a reservation counts as held.
 */
export function cutVersion({ kind, id, revision, observedAt, signature }: RecordVersion): RecordVersion {
  return RecordVersion.restored(kind, id, NO_DATA, revision, observedAt, signature, 'unreadable');
}

/** Returns an event whose versions are {@link cutVersion}. */
export function cutEvent({ revision, type, time, before, after, reason, observed, lease }: StoreEvent): StoreEvent {
  const next = after && cutVersion(after);
  const previous = before === after ? next : before && cutVersion(before);
  return new StoreEvent(revision, type, time, previous, next, reason, observed, lease);
}

/** Remembers that records did not fit, until they do. */
export class CutRecords {
  #mostBytes: number | undefined;

  constructor(private readonly log: Log) {}

  /** Notes a record that did not fit into a message of `mostBytes`. */
  note(subject: string, mostBytes: number): void {
    this.#mostBytes = mostBytes;
    this.log.error(
      { subject, max_bytes: mostBytes },
      'a record does not fit into a message of this NATS: edges show it as unreadable; raise max_payload, or lower max_record_bytes',
    );
  }

  /** Whether larger messages are taken than when the last record did not fit. True once: all records are to be sent again then. */
  mayFit(mostBytes: number): boolean {
    const may = this.#mostBytes !== undefined && mostBytes > this.#mostBytes;
    if (may) this.#mostBytes = undefined;
    return may;
  }
}
