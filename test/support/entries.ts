import type { EventType, Kind, RecordData } from '../../protocol/index.js';
import { Timeline } from '../../client/inspector/model/timeline.js';

/** 2026-03-30T12:00:00Z; the tests give times as seconds after it. */
export const NOON = Date.UTC(2026, 2, 30, 12);

export const at = (seconds: number): string => new Date(NOON + seconds * 1_000).toISOString();

/** A timeline filled by a test. Times are seconds since noon. */
export class CapturedEvents {
  readonly timeline: Timeline;
  #revision = 0;

  constructor(maxBytes = 1_000_000) {
    this.timeline = new Timeline(maxBytes);
  }

  event(seconds: number, type: EventType, kind: Kind, id: string, data: RecordData = {}): this {
    const atMs = NOON + seconds * 1_000;
    this.timeline.addEvent({ type, kind, id, data, revision: ++this.#revision, atMs, lagMs: 1 });
    return this;
  }

  reserve(seconds: number, id: string, run: string, address: string, until: number, branch = 'main'): this {
    const data = { run_id: run, branch, addresses: [address], created_at: at(seconds), expires_at: at(until) };
    return this.event(seconds, 'added', 'reservation', id, { ...data, reservation_id: id });
  }
}
