import { recordKey, type Beginning, type EventEntry, type RecordKey } from './entry.js';
import type { ReadLine } from './ndjson.js';
import { Timeline } from './timeline.js';

/** Events that happened before the page was connected, oldest first. */
export interface PastEvents {
  readonly events: readonly ReadLine[];
  readonly beginning: Beginning;
  /** From when on every event is known. */
  readonly fromMs: number;
}

/**
 * Returns a timeline that begins with what was before: the records as they were then, the events up to the snapshot that the page was sent,
 * and everything after it.
 * @returns `undefined` if the beginning of the live capture is no longer known. Then nothing can be put before it.
 */
export function withPast(live: Timeline, past: PastEvents): Timeline | undefined {
  const entries = [...live.capture.range(0, live.capture.length)];
  const place = entries.findIndex((entry) => entry.what === 'mark' && entry.mark.type === 'synced');
  const synced = entries[place];
  if (live.capture.dropped > live.capture.droppedBeats || synced?.what !== 'mark' || synced.mark.type !== 'synced')
    return undefined;
  if (entries.some((entry) => entry.what === 'mark' && entry.mark.type === 'resync')) return undefined;
  const cut = synced.mark.revision;
  const events = past.events.filter(({ revision }) => revision <= cut);
  const timeline = new Timeline(live.capture.maxBytes, past.beginning);
  const fromMs = Math.min(past.fromMs, events[0]?.atMs ?? synced.atMs, synced.atMs);
  for (const line of recordsBefore(recordsAt(live, synced.seq), events)) timeline.addEvent({ ...line, atMs: fromMs });
  timeline.addMark({ type: 'begin', why: past.beginning }, fromMs);
  let isGap = false;
  for (const event of events) {
    if (event.observed === 'restart' && !isGap) timeline.addMark({ type: 'gap' }, event.atMs);
    isGap = event.observed === 'restart';
    timeline.addEvent(event);
  }
  for (const entry of entries.slice(place)) {
    if (entry.what === 'mark') timeline.addMark(entry.mark, entry.atMs);
    else timeline.addEvent(lineOf(entry));
  }
  return timeline;
}

function recordsAt(timeline: Timeline, nextSeq: number): ReadLine[] {
  const state = timeline.stateAt({ at: 'held', nextSeq, atMs: 0 });
  return Object.values(state.byKind).flatMap((records) =>
    [...records.values()].map(({ kind, id, data, revision, atMs, problem }): ReadLine => {
      return { type: 'snapshot', kind, id, data, revision, atMs, problem, lagMs: undefined };
    }),
  );
}

/**
 * Returns the records as they were before the events: those that no event touches are the same as after. A record that was changed, removed or
 * ended existed before; its earlier data is not known, so it has those of its first event.
 */
function* recordsBefore(after: readonly ReadLine[], events: readonly ReadLine[]): Generator<ReadLine> {
  const first = new Map<RecordKey, ReadLine>();
  for (const event of events) {
    const key = recordKey(event.kind, event.id);
    if (!first.has(key)) first.set(key, event);
  }
  for (const line of after) if (!first.has(recordKey(line.kind, line.id))) yield line;
  for (const event of first.values()) {
    if (event.type !== 'added')
      yield { ...event, type: 'snapshot', reason: undefined, observed: undefined, lagMs: undefined };
  }
}

function lineOf({ type, kind, id, data, revision, atMs, lagMs, reason, problem, observed }: EventEntry): ReadLine {
  return { type, kind, id, data, revision, atMs, lagMs, reason, problem, observed };
}
