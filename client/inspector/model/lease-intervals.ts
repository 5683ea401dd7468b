import { normalBranch, parseTimestamp } from '../../../protocol/index.js';
import { addressesOf, beginsAnew, textOf, type EventEntry, type Mark, type RecordKey } from './entry.js';
import { LeaseOverlaps } from './overlaps.js';

/** How a lease ended; `running` if no end is known. */
export type IntervalEnd = 'running' | 'released' | 'lapsed' | 'removed';

/** A lease as an interval of time. */
export interface LeaseInterval {
  readonly key: RecordKey;
  /** What heartbeats and releases call it. */
  readonly name: string;
  readonly run: string;
  /** Empty if the record names none. */
  readonly branch: string;
  readonly addresses: readonly string[];
  readonly startMs: number;
  /** When it ends if nothing more happens. */
  readonly endMs: number;
  /** When and how it ended, if it has. */
  readonly ended: { readonly atMs: number; readonly how: Exclude<IntervalEnd, 'running'> } | undefined;
}

/** The leases of the captured time. They are kept after their records are removed. */
export class LeaseIntervals {
  readonly overlaps = new LeaseOverlaps();
  readonly #intervals = new Map<RecordKey, LeaseInterval>();
  readonly #keyByName = new Map<string, RecordKey>();
  readonly #removed: { readonly key: RecordKey; readonly atMs: number }[] = [];
  /** After a time of which nothing is known: the leases that the new snapshot has shown so far. */
  #shownAgain: Set<RecordKey> | undefined;
  #goneMs = 0;

  all(): Iterable<LeaseInterval> {
    return this.#intervals.values();
  }

  apply(entry: EventEntry): void {
    if (entry.kind === 'reservation') this.#applyReservation(entry);
    else if (entry.type !== 'removed' && (entry.kind === 'heartbeat' || entry.kind === 'release')) {
      const key = this.#keyByName.get(textOf(entry.data, 'reservation_id') ?? '');
      const interval = key === undefined ? undefined : this.#intervals.get(key);
      if (interval)
        this.#intervals.set(
          interval.key,
          entry.kind === 'release' ? released(interval, entry) : extended(interval, entry),
        );
    }
  }

  /** After a time of which nothing is known, only the leases of the new snapshot exist: others were removed meanwhile. */
  applyMark(mark: Mark, atMs: number): void {
    if (beginsAnew(mark)) {
      this.#shownAgain = new Set();
      this.#goneMs = atMs;
    } else if (this.#shownAgain && (mark.type === 'synced' || mark.type === 'known')) {
      for (const { key, ended } of this.#intervals.values())
        if (!ended && !this.#shownAgain.has(key)) this.#end(key, { atMs: this.#goneMs, how: 'removed' });
      this.#shownAgain = undefined;
    }
  }

  /** Forgets leases whose records were removed before a time. */
  forgetBefore(atMs: number): void {
    while (this.#removed.length > 0 && this.#removed[0]!.atMs < atMs) {
      const { key } = this.#removed.shift()!;
      const interval = this.#intervals.get(key);
      if (!interval?.ended || interval.ended.atMs >= atMs) continue;
      this.#intervals.delete(key);
      if (this.#keyByName.get(interval.name) === key) this.#keyByName.delete(interval.name);
    }
  }

  #applyReservation(entry: EventEntry): void {
    const key = `reservation/${entry.id}`;
    const known = this.#intervals.get(key);
    if (entry.type === 'removed' || entry.type === 'expired') {
      this.#end(key, { atMs: entry.atMs, how: entry.type === 'expired' ? 'lapsed' : 'removed' });
      return;
    }
    this.#shownAgain?.add(key);
    const { data } = entry;
    const endMs = Math.max(parseTimestamp(data['expires_at']) ?? Infinity, known?.endMs ?? 0);
    const name = textOf(data, 'reservation_id') ?? entry.id;
    this.#keyByName.set(name, key);
    this.#intervals.set(key, {
      key,
      name,
      run: textOf(data, 'run_id') ?? '',
      branch: normalBranch(textOf(data, 'branch') ?? ''),
      addresses: addressesOf(data),
      startMs: known?.startMs ?? parseTimestamp(data['created_at']) ?? entry.atMs,
      endMs,
      ended: known?.ended && endMs <= entry.atMs ? known.ended : undefined,
    });
  }

  #end(key: RecordKey, ended: { readonly atMs: number; readonly how: 'removed' | 'lapsed' }): void {
    const known = this.#intervals.get(key);
    if (known && !known.ended) this.#intervals.set(key, { ...known, ended });
    if (ended.how === 'removed') this.#removed.push({ key, atMs: ended.atMs });
  }
}

function released(interval: LeaseInterval, { atMs, data }: EventEntry): LeaseInterval {
  if (interval.ended?.how === 'released') return interval;
  return { ...interval, ended: { atMs: parseTimestamp(data['released_at']) ?? atMs, how: 'released' } };
}

function extended(interval: LeaseInterval, { atMs, data }: EventEntry): LeaseInterval {
  const untilMs = parseTimestamp(data['extended_expires_at']) ?? 0;
  const endMs = Math.max(interval.endMs, untilMs);
  // A heartbeat revives a lapsed lease, but not a released one.
  const ended = interval.ended?.how === 'lapsed' && untilMs > atMs ? undefined : interval.ended;
  return { ...interval, endMs, ended };
}
