import { parseTimestamp } from '../../../protocol/index.js';
import { addressesOf, textOf, type EventEntry, type RecordKey } from './entry.js';

/** How a lease ended; `running` if no end is known. */
export type IntervalEnd = 'running' | 'released' | 'lapsed' | 'removed';

/** A lease as an interval of time. */
export interface LeaseInterval {
  readonly key: RecordKey;
  readonly run: string;
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
  readonly #intervals = new Map<RecordKey, LeaseInterval>();
  readonly #keyByName = new Map<string, RecordKey>();
  readonly #removed: { readonly key: RecordKey; readonly atMs: number }[] = [];

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

  /** Forgets leases whose records were removed before a time. */
  forgetBefore(atMs: number): void {
    while (this.#removed.length > 0 && this.#removed[0]!.atMs < atMs) {
      const { key } = this.#removed.shift()!;
      const interval = this.#intervals.get(key);
      if (interval?.ended && interval.ended.atMs < atMs) this.#intervals.delete(key);
    }
  }

  #applyReservation(entry: EventEntry): void {
    const key = `reservation/${entry.id}`;
    const known = this.#intervals.get(key);
    if (entry.type === 'removed' || entry.type === 'expired') {
      const how = entry.type === 'expired' ? 'lapsed' : 'removed';
      if (known && !known.ended) this.#intervals.set(key, { ...known, ended: { atMs: entry.atMs, how } });
      if (entry.type === 'removed') this.#removed.push({ key, atMs: entry.atMs });
      return;
    }
    const { data } = entry;
    const endMs = Math.max(parseTimestamp(data['expires_at']) ?? Infinity, known?.endMs ?? 0);
    this.#keyByName.set(textOf(data, 'reservation_id') ?? entry.id, key);
    this.#intervals.set(key, {
      key,
      run: textOf(data, 'run_id') ?? '',
      branch: textOf(data, 'branch') ?? '',
      addresses: addressesOf(data),
      startMs: known?.startMs ?? parseTimestamp(data['created_at']) ?? entry.atMs,
      endMs,
      ended: known?.ended && endMs <= entry.atMs ? known.ended : undefined,
    });
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
