import { epoch, revision, type Epoch, type Revision } from '../../protocol/index.js';
import { pastGaps, type Gap } from '../store/history.js';
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
  /** One event for each revision after `base`, up to `newest`, that is in no gap. */
  readonly events: readonly StoreEvent[];
  readonly gaps: readonly Gap[];
  /** The bytes of the events' entries. */
  readonly historyBytes: number;
}

/** Reads a whole table. @throws DamagedJournalError if an entry does not match its checksum, is missing, or has a wrong key. */
export function readContents(table: Table): Contents {
  const meta = decodeMeta(table.get(META_KEY));
  const known: Known = new Map();
  const gaps = (meta.gaps ?? []).map(([after, to]) => ({ after: revision(after), to: revision(to) }));
  const { events, end, historyBytes } = readHistory(table, meta.base, gaps, known);
  if (end !== meta.newest) throw new DamagedJournalError(`the history ends at ${end}, not at ${meta.newest}`);
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
    gaps,
    historyBytes,
  };
}

/** Returns the events, and the revision up to which they and the gaps reach. */
function readHistory(
  table: Table,
  base: number,
  gaps: readonly Gap[],
  known: Known,
): { events: StoreEvent[]; end: number; historyBytes: number } {
  const events: StoreEvent[] = [];
  let end = pastGaps(gaps, base);
  let historyBytes = 0;
  for (const { key, value } of table.entries(PREFIX.history)) {
    const event = decodeHistoryEntry(value, known);
    const expected = end + 1;
    if (event.revision !== expected || positionIn(key) !== expected) {
      throw new DamagedJournalError(
        `the entry of revision ${String(expected)} holds revision ${String(event.revision)}`,
      );
    }
    events.push(event);
    end = pastGaps(gaps, expected);
    historyBytes += value.length;
  }
  return { events, end, historyBytes };
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
