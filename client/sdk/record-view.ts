import type { BusEvent, Kind, Problem, RecordData } from '../../protocol/index.js';
import type { Subscription } from './subscription.js';
import type { Update } from './update.js';

/** A record as it stands. */
export interface StandingRecord {
  readonly kind: Kind;
  readonly id: string;
  readonly data: RecordData;
  /** Of its last transition. */
  readonly revision: number;
  readonly problem: Problem | undefined;
}

/** A difference between two states of a view; `before` is absent where the record is new, `after` where it is gone. */
export interface RecordChange {
  readonly before: StandingRecord | undefined;
  readonly after: StandingRecord | undefined;
}

type Records = Map<string, StandingRecord>;

/**
 * The records that match a filter, kept up to date. While a snapshot comes in, the old state stands; then the differences
 * between the two are told at once, and nothing else.
 */
export class RecordView {
  #records: Records = new Map();
  /** The state that a snapshot is building; `undefined` between snapshots. */
  #building: Records | undefined = new Map();
  /** The last moment of the server's clock of which an event was taken in. */
  #takenUntil = 0;
  /** The generation of the subscription that was complete last. */
  #syncedGeneration = -1;

  /** @param changed called with the differences, at least one, after they have been taken in. */
  constructor(
    private readonly subscription: Subscription,
    private readonly changed: (changes: readonly RecordChange[]) => void,
  ) {}

  /** Reads the subscription to its end. @param synced called whenever a state is complete. */
  async run(synced: () => void): Promise<void> {
    for await (const updates of this.subscription.batches()) this.#takeAll(updates, synced);
  }

  /** All of it becomes visible before anything is told: a record that was renamed is never out of sight. */
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

  /** Up to when, on the server's clock, everything that happened is in here. */
  get provenUntil(): number {
    return Math.max(this.subscription.provenUntil, this.#takenUntil);
  }

  /** Whether it is complete as the connection that stands now serves it. */
  get isCurrent(): boolean {
    // The mark that was read last may be of the connection before.
    return this.subscription.isServed && this.#syncedGeneration === this.subscription.generation;
  }

  get(kind: Kind, id: string): StandingRecord | undefined {
    return this.#records.get(keyOf(kind, id));
  }

  all(): IterableIterator<StandingRecord> {
    return this.#records.values();
  }

  #take(event: BusEvent): readonly RecordChange[] {
    const key = keyOf(event.kind, event.id);
    const { kind, id, data, revision, problem } = event;
    const record: StandingRecord = { kind, id, data, revision, problem };
    if (this.#building && event.event_type === 'snapshot') {
      this.#building.set(key, record);
      return [];
    }
    if (event.event_type !== 'snapshot') this.#takenUntil = Math.max(this.#takenUntil, Date.parse(event.timestamp));
    const before = this.#records.get(key);
    if (event.event_type === 'removed') this.#records.delete(key);
    else this.#records.set(key, record);
    return [{ before, after: this.#records.get(key) }];
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

/** By content: revisions of two epochs say nothing of each other. */
function isSame(a: StandingRecord, b: StandingRecord): boolean {
  return a.problem === b.problem && JSON.stringify(a.data) === JSON.stringify(b.data);
}

const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;
