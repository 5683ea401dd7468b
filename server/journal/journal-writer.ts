import { recordKey, revision, type Epoch, type Revision, type UnixMillis } from '../../protocol/index.js';
import type { Cut } from '../store/current-records.js';
import type { LeaseView } from '../store/record-store.js';
import { pastGaps, widthOf, type Gap } from '../store/history.js';
import { standingAfter, type Standing } from '../store/standing.js';
import type { StoreEvent } from '../store/store-event.js';
import type { Contents } from './contents.js';
import {
  encodeHistoryEntry,
  encodeMeta,
  encodeStanding,
  historyKey,
  indexKey,
  META_KEY,
  timeOfHistoryEntry,
} from './entries.js';
import type { Table, TableChange } from './table.js';

/** The bounds of the history in the journal. If one is exceeded, the oldest events are removed. */
export interface Retention {
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** The events of one batch. Encoding them and giving them to the table takes 1 to 2 ms, so that no client waits longer than 5 ms. */
export const BATCH = 256;
/** At most two events are removed for each one added, so that a tightened bound is reached without a long turn. */
const MAX_TRIMMED = 2 * BATCH;

/** The entries of one event. */
interface Entries {
  readonly history: TableChange;
  readonly index: TableChange;
}

/** Writes events into the table in batches of entries, and counts what the table holds. */
export class JournalWriter {
  #table: Table;
  #records = 0;
  #base: Revision;
  #newest: Revision;
  #historyBytes = 0;
  #gaps: readonly Gap[] = [];
  /** Entries that were encoded in advance. */
  readonly #prepared = new Map<StoreEvent, Entries>();

  /** @param start the revision before the first event. */
  constructor(
    table: Table,
    private readonly epoch: Epoch,
    private readonly retention: Retention,
    start: Revision,
  ) {
    this.#table = table;
    this.#base = start;
    this.#newest = start;
  }

  /** Returns a writer for a table that has been read. */
  static adopt(table: Table, contents: Contents, retention: Retention): JournalWriter {
    const writer = new JournalWriter(table, contents.epoch, retention, contents.base);
    writer.#newest = contents.newest;
    writer.#records = contents.standing.length;
    writer.#historyBytes = contents.historyBytes;
    writer.#gaps = contents.gaps;
    return writer;
  }

  /** The last revision in the table. */
  get newest(): Revision {
    return this.#newest;
  }

  get base(): Revision {
    return this.#base;
  }

  /**
   * Fills an empty table with the records of one cut and the events that led to it.
   * @param reopen opens the same table with a flush at each write. The empty one has none, so that hundreds of batches take one.
   */
  async writeAll(
    { versions, revision: at }: Cut,
    leases: LeaseView,
    { events, gaps }: Pick<Contents, 'events' | 'gaps'>,
    reopen: () => Promise<Table>,
  ): Promise<void> {
    for (let from = 0; from < versions.length; from += BATCH) {
      const batch = versions.slice(from, from + BATCH).map((version) => {
        const isLapsed = version.kind === 'reservation' && leases.hasLapsed(version.id);
        return standingChange({ version, lapsedAt: isLapsed ? at : revision(0) });
      });
      await this.#table.write(batch);
    }
    for (let from = 0; from < events.length; from += BATCH) {
      await this.#table.write(events.slice(from, from + BATCH).map((event) => this.#counted(historyChange(event))));
    }
    this.#records = versions.length;
    this.#newest = at;
    this.#gaps = gaps;
    await this.#table.close();
    this.#table = await reopen();
    await this.#table.write([this.#meta()]);
  }

  /** Encodes an event in advance, for one of the next batches. */
  prepare(event: StoreEvent): void {
    this.#prepared.set(event, entriesOf(event));
  }

  /** Writes events that follow the newest. Resolves when they are on the disk. */
  async write(events: readonly StoreEvent[], now: UnixMillis): Promise<void> {
    const changes: TableChange[] = [];
    const index = new Map<string, TableChange>();
    for (const event of events) {
      const entries = this.#prepared.get(event) ?? entriesOf(event);
      this.#prepared.delete(event);
      changes.push(this.#counted(entries.history));
      const { kind, id } = event.record;
      index.set(recordKey(kind, id), entries.index);
      if (event.type === 'added') this.#records++;
      else if (event.type === 'removed') this.#records--;
    }
    this.#newest = events.at(-1)?.revision ?? this.#newest;
    this.#trim(changes, now);
    changes.push(...index.values(), this.#meta());
    await this.#table.write(changes);
  }

  close(): Promise<void> {
    return this.#table.close();
  }

  #counted(history: TableChange): TableChange {
    this.#historyBytes += history.value!.length;
    return history;
  }

  #trim(changes: TableChange[], now: UnixMillis): void {
    for (let trimmed = 0; trimmed < MAX_TRIMMED && this.#newest > this.#base; trimmed++) {
      const first = pastGaps(this.#gaps, this.#base) + 1;
      const key = historyKey(first);
      const oldest = this.#table.get(key);
      // An event that is not in the table yet is in this batch, and is not removed.
      if (oldest === undefined || !this.#isBeyond(timeOfHistoryEntry(oldest), now)) return;
      changes.push({ key, value: undefined });
      this.#historyBytes -= oldest.length;
      this.#base = revision(first);
      if (this.#gaps.length > 0) this.#gaps = this.#gaps.filter(({ after }) => after >= first);
    }
  }

  #isBeyond(oldestTime: UnixMillis, now: UnixMillis): boolean {
    const { maxEvents, maxAgeMs, maxBytes } = this.retention;
    return this.#held > maxEvents || this.#historyBytes > maxBytes || oldestTime < now - maxAgeMs;
  }

  /** The number of events. */
  get #held(): number {
    return this.#newest - this.#base - this.#gaps.reduce((sum, gap) => sum + widthOf(gap), 0);
  }

  #meta(): TableChange {
    const gaps = this.#gaps.map(({ after, to }) => [after, to] as const);
    const held = { epoch: this.epoch, records: this.#records, base: this.#base, newest: this.#newest };
    const meta = gaps.length > 0 ? { ...held, gaps } : held;
    return { key: META_KEY, value: encodeMeta(meta) };
  }
}

function entriesOf(event: StoreEvent): Entries {
  return { history: historyChange(event), index: indexChange(event) };
}

function historyChange(event: StoreEvent): TableChange {
  return { key: historyKey(event.revision), value: encodeHistoryEntry(event) };
}

function standingChange(standing: Standing): TableChange {
  const { kind, id } = standing.version;
  return { key: indexKey(kind, id), value: encodeStanding(standing) };
}

function indexChange(event: StoreEvent): TableChange {
  const { kind, id } = event.record;
  const standing = standingAfter(event);
  return standing ? standingChange(standing) : { key: indexKey(kind, id), value: undefined };
}
