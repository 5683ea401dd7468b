import { parseTimestamp } from '../../../protocol/index.js';
import { addressesOf, textOf, type EventEntry, type RecordKey } from './entry.js';

/** How a lease came to its end; `running` where it has not, as far as is known. */
export type BarEnd = 'running' | 'released' | 'lapsed' | 'removed';

/** A lease through time. */
export interface Bar {
  readonly key: RecordKey;
  readonly run: string;
  readonly branch: string;
  readonly addresses: readonly string[];
  readonly startMs: number;
  /** When it ends if nothing more happens. */
  readonly endMs: number;
  /** When and how it ended before that. */
  readonly ended: { readonly atMs: number; readonly how: Exclude<BarEnd, 'running'> } | undefined;
}

/** Leases as they were through the captured time, kept after their records are gone. */
export class BarBook {
  readonly #bars = new Map<RecordKey, Bar>();
  readonly #keyByName = new Map<string, RecordKey>();
  readonly #gone: { readonly key: RecordKey; readonly atMs: number }[] = [];

  bars(): Iterable<Bar> {
    return this.#bars.values();
  }

  apply(entry: EventEntry): void {
    if (entry.kind === 'reservation') this.#applyReservation(entry);
    else if (entry.type !== 'removed' && (entry.kind === 'heartbeat' || entry.kind === 'release')) {
      const key = this.#keyByName.get(textOf(entry.data, 'reservation_id') ?? '');
      const bar = key === undefined ? undefined : this.#bars.get(key);
      if (bar) this.#bars.set(bar.key, entry.kind === 'release' ? released(bar, entry) : extended(bar, entry));
    }
  }

  /** Forgets leases whose records went before a time. */
  forgetBefore(atMs: number): void {
    while (this.#gone.length > 0 && this.#gone[0]!.atMs < atMs) {
      const { key } = this.#gone.shift()!;
      const bar = this.#bars.get(key);
      if (bar?.ended && bar.ended.atMs < atMs) this.#bars.delete(key);
    }
  }

  #applyReservation(entry: EventEntry): void {
    const key = `reservation/${entry.id}`;
    const known = this.#bars.get(key);
    if (entry.type === 'removed' || entry.type === 'expired') {
      const how = entry.type === 'expired' ? 'lapsed' : 'removed';
      if (known && !known.ended) this.#bars.set(key, { ...known, ended: { atMs: entry.atMs, how } });
      if (entry.type === 'removed') this.#gone.push({ key, atMs: entry.atMs });
      return;
    }
    const { data } = entry;
    const endMs = Math.max(parseTimestamp(data['expires_at']) ?? Infinity, known?.endMs ?? 0);
    this.#keyByName.set(textOf(data, 'reservation_id') ?? entry.id, key);
    this.#bars.set(key, {
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

function released(bar: Bar, { atMs, data }: EventEntry): Bar {
  if (bar.ended?.how === 'released') return bar;
  return { ...bar, ended: { atMs: parseTimestamp(data['released_at']) ?? atMs, how: 'released' } };
}

function extended(bar: Bar, { atMs, data }: EventEntry): Bar {
  const untilMs = parseTimestamp(data['extended_expires_at']) ?? 0;
  const endMs = Math.max(bar.endMs, untilMs);
  // A heartbeat revives a lease that had lapsed, but none that was released.
  const ended = bar.ended?.how === 'lapsed' && untilMs > atMs ? undefined : bar.ended;
  return { ...bar, endMs, ended };
}
