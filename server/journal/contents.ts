import { epoch, revision, type Epoch, type Revision } from '../../protocol/index.js';
import type { Standing } from '../store/standing.js';
import type { StoreEvent } from '../store/store-event.js';
import {
  DamagedJournalError,
  decodeHistoryEntry,
  decodeMeta,
  decodeStanding,
  indexKey,
  META_KEY,
  positionIn,
  PREFIX,
  type Known,
} from './entries.js';
import type { Table } from './table.js';

/** The decoded and checked content of a table. */
export interface Contents {
  readonly epoch: Epoch;
  readonly base: Revision;
  readonly newest: Revision;
  readonly standing: readonly Standing[];
  /** One event for each revision after `base`, up to `newest`. */
  readonly events: readonly StoreEvent[];
  /** The bytes of the events' entries. */
  readonly historyBytes: number;
}

/** Reads a whole table. @throws DamagedJournalError if an entry does not match its checksum, is missing, or has a wrong key. */
export function readContents(table: Table): Contents {
  const meta = decodeMeta(table.get(META_KEY));
  const known: Known = new Map();
  const { events, historyBytes } = readHistory(table, meta.base, known);
  if (meta.base + events.length !== meta.newest) {
    throw new DamagedJournalError(`the history ends at ${meta.base + events.length}, not at ${meta.newest}`);
  }
  const standing = readIndex(table, known);
  if (standing.length !== meta.records) {
    throw new DamagedJournalError(`the index holds ${standing.length} records, not ${meta.records}`);
  }
  return {
    epoch: epoch(meta.epoch),
    base: revision(meta.base),
    newest: revision(meta.newest),
    standing,
    events,
    historyBytes,
  };
}

function readHistory(table: Table, base: number, known: Known): { events: StoreEvent[]; historyBytes: number } {
  const events: StoreEvent[] = [];
  let historyBytes = 0;
  for (const { key, value } of table.entries(PREFIX.history)) {
    const event = decodeHistoryEntry(value, known);
    const expected = base + events.length + 1;
    if (event.revision !== expected || positionIn(key) !== expected) {
      throw new DamagedJournalError(
        `the entry of revision ${String(expected)} holds revision ${String(event.revision)}`,
      );
    }
    events.push(event);
    historyBytes += value.length;
  }
  return { events, historyBytes };
}

function readIndex(table: Table, known: Known): Standing[] {
  const standing: Standing[] = [];
  for (const { key, value } of table.entries(PREFIX.index)) {
    const entry = decodeStanding(value, known);
    if (Buffer.compare(key, indexKey(entry.version.kind, entry.version.id)) !== 0) {
      throw new DamagedJournalError(`${entry.version.kind} ${entry.version.id} is in the entry of another record`);
    }
    standing.push(entry);
  }
  return standing;
}
