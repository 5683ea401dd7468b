import { recordKey } from '../../../protocol/index.js';
import type { Beginning, EventEntry, RecordKey } from './entry.js';
import type { ReadLine } from './ndjson.js';
import { Timeline } from './timeline.js';

/** Events that happened before the page was connected, oldest first. */
export interface PastEvents {
  readonly events: readonly ReadLine[];
  readonly beginning: Beginning;
  /** From when on the events are known. */
  readonly fromMs: number;
  /** Every event after this revision is in `events`, but left out heartbeats. */
  readonly after: number;
  /** Earlier parts, oldest first. Between each of them and the next, and after the last one, events are missing. */
  readonly older?: readonly Segment[];
  /** How many heartbeats were left out of `events` and `older`. */
  readonly leftOutBeats?: number;
}

/** Consecutive events: those after a revision, up to another. */
export interface Segment {
  readonly after: number;
  readonly to: number;
  readonly events: readonly ReadLine[];
}

/** A segment, with the records as they were before it. */
interface Part extends Segment {
  readonly records: readonly ReadLine[];
}

/**
 * Returns a timeline that begins with what was before: the records as they were then, the events up to the snapshot that the page was sent,
 * and everything after it. After a gap, the records start again, as after a resync.
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
  const parts = partsOf(past, recordsAt(live, synced.seq), cut);
  const timeline = new Timeline(live.capture.maxBytes, past.beginning, past.leftOutBeats);
  parts.forEach((part, i) => {
    const before = parts[i - 1];
    const beginsMs = part.events[0]?.atMs ?? synced.atMs;
    const atMs = before ? beginsMs : Math.min(past.fromMs, beginsMs, synced.atMs);
    if (before) timeline.addMark({ type: 'missing', after: before.to, to: part.after }, timeline.head.atMs);
    for (const line of part.records) timeline.addEvent({ ...line, atMs });
    timeline.addMark(before ? { type: 'known', revision: part.after } : { type: 'begin', why: past.beginning }, atMs);
    addEvents(timeline, part.events);
  });
  for (const entry of entries.slice(place)) {
    if (entry.what === 'mark') timeline.addMark(entry.mark, entry.atMs);
    else timeline.addEvent(lineOf(entry));
  }
  return timeline;
}

function addEvents(timeline: Timeline, events: readonly ReadLine[]): void {
  let isGap = false;
  for (const event of events) {
    if (event.observed === 'restart' && !isGap) timeline.addMark({ type: 'gap' }, event.atMs);
    isGap = event.observed === 'restart';
    timeline.addEvent(event);
  }
}

/** Returns the parts of the past, oldest first. @param records the records as they were at the connection, of revision `cut` */
function partsOf({ events, after, older = [] }: PastEvents, records: readonly ReadLine[], cut: number): Part[] {
  const last = events.filter(({ revision }) => revision <= cut);
  const parts: Part[] = [{ after, to: cut, events: last, records: [...recordsBefore(records, last)] }];
  for (const segment of [...older].reverse()) {
    // A record that was changed in the gap may not have existed before it.
    const unchanged = parts[0]!.records.filter(({ revision }) => revision <= segment.to);
    parts.unshift({ ...segment, records: [...recordsBefore(unchanged, segment.events)] });
  }
  return parts;
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
