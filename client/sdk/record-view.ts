import { recordKey, type BusEvent, type Kind, type Problem, type RecordData } from '../../protocol/index.js';
import type { Subscription } from './subscription.js';
import type { Update } from './update.js';

/** The current version of a record. */
export interface StandingRecord {
  readonly kind: Kind;
  readonly id: string;
  readonly data: RecordData;
  /** The revision of the record's last event. */
  readonly revision: number;
  /** Why the file cannot be read as a valid record; `undefined` if it can. */
  readonly problem: Problem | undefined;
}

/** A change of a record; `before` is `undefined` if the record is new, `after` if it is gone. */
export interface RecordChange {
  readonly before: StandingRecord | undefined;
  readonly after: StandingRecord | undefined;
}

type Records = Map<string, StandingRecord>;

/**
 * The records that match a filter, kept up to date. While a snapshot is received, the view keeps the old state. When the snapshot is
 * complete, the view reports exactly the differences, in one call.
 */
export class RecordView {
  #records: Records = new Map();
  /** The state that a snapshot is building; `undefined` between snapshots. */
  #building: Records | undefined = new Map();
  /** The time of the latest event in the view; server's clock, Unix milliseconds. */
  #takenUntil = 0;
  /** The generation of the subscription in which the view was last complete. */
  #syncedGeneration = -1;

  /** @param changed called with at least one change, after the view has applied all of them. */
  constructor(
    private readonly subscription: Subscription,
    private readonly changed: (changes: readonly RecordChange[]) => void,
  ) {}

  /**
   * Reads the subscription to its end. What has arrived after `ending` aborts is not taken.
   * @param synced called whenever the view is complete.
   */
  async run(synced: () => void, ending?: AbortSignal): Promise<void> {
    for await (const updates of this.subscription.batches()) {
      if (ending?.aborted) return;
      this.#takeAll(updates, synced);
    }
  }

  /** Applies all updates before it reports a change: a record that was renamed is visible at each moment, by its old or its new name. */
  #takeAll(updates: readonly Update[], synced: () => void): void {
    let changes: RecordChange[] = [];
    const tell = (): void => {
      if (changes.length > 0) this.changed(changes);
      changes = [];
    };
    for (const update of updates) {
      switch (update.type) {
        case 'event':
          changes.push(...this.#take(update.event));
          break;
        case 'resync':
          this.#building = new Map();
          break;
        case 'synced':
          this.#syncedGeneration = this.subscription.generation;
          changes.push(...this.#complete());
          tell();
          synced();
          break;
      }
    }
    tell();
  }

  /** The view has everything that happened up to this time; server's clock, Unix milliseconds. */
  get provenUntil(): number {
    return Math.max(this.subscription.provenUntil, this.#takenUntil);
  }

  /** Whether the view is complete on the current connection. */
  get isCurrent(): boolean {
    // The synced mark that was read last may be of an earlier connection.
    return this.subscription.isServed && this.#syncedGeneration === this.subscription.generation;
  }

  get(kind: Kind, id: string): StandingRecord | undefined {
    return this.#records.get(recordKey(kind, id));
  }

  all(): IterableIterator<StandingRecord> {
    return this.#records.values();
  }

  #take(event: BusEvent): readonly RecordChange[] {
    const key = recordKey(event.kind, event.id);
    const { kind, id, data, revision, problem } = event;
    const record: StandingRecord = { kind, id, data, revision, problem };
    if (this.#building && event.event_type === 'snapshot') {
      this.#building.set(key, record);
      return [];
    }
    if (event.event_type !== 'snapshot') this.#takenUntil = Math.max(this.#takenUntil, Date.parse(event.timestamp));
    const before = this.#records.get(key);
    if (event.event_type !== 'removed') {
      this.#records.set(key, record);
      return [{ before, after: record }];
    }
    // A server may tell the removal of a record that it could not match with the filter.
    return this.#records.delete(key) ? [{ before, after: undefined }] : [];
  }

  #complete(): readonly RecordChange[] {
    const building = this.#building;
    if (!building) return [];
    this.#building = undefined;
    const before = this.#records;
    this.#records = building;
    return differences(before, building);
  }
}

function differences(before: Records, after: Records): RecordChange[] {
  const changes: RecordChange[] = [];
  for (const [key, record] of before) if (!after.has(key)) changes.push({ before: record, after: undefined });
  for (const [key, record] of after) {
    const old = before.get(key);
    if (!old || !isSame(old, record)) changes.push({ before: old, after: record });
  }
  return changes;
}

/** Compares the content: revisions of two epochs cannot be compared. */
function isSame(a: StandingRecord, b: StandingRecord): boolean {
  return a.problem === b.problem && JSON.stringify(a.data) === JSON.stringify(b.data);
}
