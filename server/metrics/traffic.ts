import { EVENT_TYPES, kindIndex, KINDS } from '../../protocol/index.js';
import type { StoreEvent } from '../store/store-event.js';
import { PlainHistogram } from './plain-histogram.js';

/** Milliseconds: from a tenth, about what a change takes on an idle machine, to a slow poll. */
const LATENCY_BOUNDS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** What has passed through a bus, counted in plain numbers; whoever wants to see it reads them. Times in milliseconds. */
export class Traffic {
  /** By kind, then by type of event. */
  readonly events: readonly Float64Array[] = KINDS.map(() => new Float64Array(EVENT_TYPES.length));
  /** From the first hint of a turn to its events. */
  readonly ingestMs = new PlainHistogram(LATENCY_BOUNDS_MS);
  /** From the file's last change, as its clock has it, to the published event. */
  readonly fileAgeMs = new PlainHistogram(LATENCY_BOUNDS_MS);
  /** Of one turn's events, from the first to the last socket. */
  readonly deliveryMs = new PlainHistogram(LATENCY_BOUNDS_MS);

  /**
   * One turn's events have been published.
   * @param waitedMs since the first hint of the turn; `undefined` where none led to it.
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
