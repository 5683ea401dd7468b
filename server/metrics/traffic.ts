import { EVENT_TYPES, kindIndex, KINDS } from '../../protocol/index.js';
import type { StoreEvent } from '../store/store-event.js';
import { PlainHistogram } from './plain-histogram.js';

/** The bounds in milliseconds: from 0.1, about the time of a change on an idle machine, to a slow poll. */
const LATENCY_BOUNDS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** Counts the events of a bus, and measures their times in milliseconds. The metrics read these numbers. */
export class Traffic {
  /** The number of events, by kind and then by type. */
  readonly events: readonly Float64Array[] = KINDS.map(() => new Float64Array(EVENT_TYPES.length));
  /** The time from the first hint of a turn to its events. */
  readonly ingestMs = new PlainHistogram(LATENCY_BOUNDS_MS);
  /** The time from the file's modification time to the published event. */
  readonly fileAgeMs = new PlainHistogram(LATENCY_BOUNDS_MS);
  /** The time of delivering one turn's events, from the first to the last socket. */
  readonly deliveryMs = new PlainHistogram(LATENCY_BOUNDS_MS);

  /**
   * Counts the events of one turn, which have been published.
   * @param waitedMs the time since the first hint of the turn; `undefined` if no hint led to it.
   * @param tookMs the time of publishing them.
   */
  published(events: readonly StoreEvent[], waitedMs: number | undefined, tookMs: number): void {
    for (const event of events) {
      this.events[kindIndex(event.record.kind)]![EVENT_TYPES.indexOf(event.type)]!++;
      const changedAt = event.after === event.before ? undefined : event.after?.signature?.mtimeNs;
      if (changedAt !== undefined) this.fileAgeMs.observe(Math.max(0, event.time - Number(changedAt) / 1e6));
    }
    if (waitedMs !== undefined) this.ingestMs.observe(waitedMs, events.length);
    this.deliveryMs.observe(tookMs);
  }
}
