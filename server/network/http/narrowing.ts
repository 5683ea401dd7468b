import { EVENT_TYPES, KINDS, type Query, type WireEvent } from '../../../protocol/index.js';
import type { Clock } from '../../runtime/clock.js';

/** Lets only those events of one stream through that match a query, and counts them. */
export class Narrowing {
  #delivered = 0;

  /** @param maxEvents the cap on what is let through. */
  constructor(
    private readonly query: Query,
    private readonly maxEvents: number | undefined,
    private readonly clock: Clock,
  ) {}

  get delivered(): number {
    return this.#delivered;
  }

  /** Whether the cap is reached. */
  get isFull(): boolean {
    return this.#delivered === this.maxEvents;
  }

  pass(events: readonly WireEvent[]): readonly WireEvent[] {
    const now = this.clock.now();
    const passed: WireEvent[] = [];
    for (const event of events) {
      if (this.isFull) break;
      if (!this.#matches(event, now)) continue;
      passed.push(event);
      this.#delivered++;
    }
    return passed;
  }

  #matches([revision, typeIndex, kindIndex, id, atMs, data, reason, problem]: WireEvent, now: number): boolean {
    const type = EVENT_TYPES[typeIndex]!;
    // A snapshot event has the time of the snapshot, not that of the change.
    const time = type === 'snapshot' ? {} : { atMs };
    const kind = KINDS[kindIndex]!;
    return this.query.matchesEvent(
      { revision, type, kind, id, data, reason: reason ?? undefined, problem: problem ?? undefined, ...time },
      now,
    );
  }
}
