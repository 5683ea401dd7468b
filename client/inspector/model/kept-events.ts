import type { PastEvents, Segment } from './history.js';
import type { ReadLine } from './ndjson.js';

/** A stored segment, without its events. */
export interface PieceFacts {
  /** It has the events after this revision, and is stored under it. */
  readonly after: number;
  /** Up to this revision. */
  readonly to: number;
  /** The time of its last event. */
  readonly atMs: number;
  readonly bytes: number;
}

export interface KeptLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** A piece that is not full is written again with each new event, so it has to be small. */
const EVENTS_OF_A_PIECE = 512;
/** The most pieces that wait for the store. After that the oldest are left out, which makes a gap. */
const MAX_WAITING = 32;
/** Each gap shows all records again, so only the last parts of a history that is full of gaps are shown. */
const MAX_OLDER = 3;

/** Cuts the live events into pieces for the store. Revisions are consecutive, so a piece without a gap follows from them. */
export class EventRecorder {
  #open: { readonly after: number; to: number; readonly events: ReadLine[] } | undefined;
  #hasChanged = false;
  #full: Segment[] = [];

  get hasNews(): boolean {
    return this.#hasChanged || this.#full.length > 0;
  }

  add(event: ReadLine): void {
    const { type, revision } = event;
    // A snapshot says what is, and not what happened.
    if (type === 'snapshot' || (this.#open && revision <= this.#open.to)) return;
    if (this.#open && (revision !== this.#open.to + 1 || this.#open.events.length >= EVENTS_OF_A_PIECE)) this.#close();
    this.#open ??= { after: revision - 1, to: revision - 1, events: [] };
    this.#open.events.push(event);
    this.#open.to = revision;
    this.#hasChanged = true;
  }

  /** Adds what the bus still had between the stored events and the live ones. */
  bridge(segment: Segment): void {
    if (segment.events.length > 0 && segment.events.length === segment.to - segment.after) this.#queue(segment);
  }

  /** Returns the pieces that are new, or have grown, since the last call. */
  take(): Segment[] {
    const taken = [...this.#full, ...(this.#open && this.#hasChanged ? [this.#open] : [])];
    this.#full = [];
    this.#hasChanged = false;
    return taken.map(({ after, to, events }) => ({ after, to, events: withLastBeats(events) }));
  }

  #close(): void {
    if (this.#open && this.#hasChanged) this.#queue(this.#open);
    this.#open = undefined;
    this.#hasChanged = false;
  }

  #queue(segment: Segment): void {
    this.#full.push(segment);
    if (this.#full.length > MAX_WAITING) this.#full.shift();
  }
}

/** Of the heartbeats for one lease the last one says all. Without this they would leave no room for other events. */
function withLastBeats(events: readonly ReadLine[]): ReadLine[] {
  const last = new Map<string, number>();
  for (const { kind, id, revision } of events) if (kind === 'heartbeat') last.set(id, revision);
  return events.filter(
    ({ kind, type, id, revision }) => kind !== 'heartbeat' || type !== 'modified' || last.get(id) === revision,
  );
}

/** Returns which pieces no longer belong into the store: those that are too old, and then the oldest until the rest fits. */
export function surplus(pieces: readonly PieceFacts[], nowMs: number, { maxBytes, maxAgeMs }: KeptLimits): number[] {
  let bytes = 0;
  return [...pieces]
    .sort((a, b) => b.after - a.after)
    .filter((piece) => {
      bytes += piece.bytes;
      return bytes > maxBytes || nowMs - piece.atMs > maxAgeMs;
    })
    .map(({ after }) => after);
}

/** Joins pieces that follow one another or overlap, because two tabs have stored them. Between two segments events are missing. */
export function segmentsOf(pieces: readonly Segment[]): Segment[] {
  const segments: { readonly after: number; to: number; readonly events: ReadLine[] }[] = [];
  for (const { after, to, events } of [...pieces].sort((a, b) => a.after - b.after)) {
    const last = segments.at(-1);
    if (!last || after > last.to) segments.push({ after, to, events: [...events] });
    else if (to > last.to) {
      const known = last.to;
      for (const event of events) if (event.revision > known) last.events.push(event);
      last.to = to;
    }
  }
  return segments;
}

/** Returns what the bus still knew after the last stored event, up to the connection: it closes the gap between stored and live events. */
export function bridgeOf(pieces: readonly Segment[], { events, after }: PastEvents): Segment | undefined {
  const last = segmentsOf(pieces).at(-1);
  const to = events.at(-1)?.revision;
  if (!last || to === undefined || after > last.to || to <= last.to) return undefined;
  return { after: last.to, to, events: events.filter(({ revision }) => revision > last.to) };
}

/** Puts what this browser has stored before what the bus still knows. Where events are missing in between, it stays a part of its own. */
export function withKept(past: PastEvents, pieces: readonly Segment[]): PastEvents {
  const earlier = segmentsOf(pieces).filter(({ after }) => after < past.after);
  const last = earlier.at(-1);
  if (!last) return past;
  const isJoined = last.to >= past.after;
  const joined = isJoined ? last.events.filter(({ revision }) => revision <= past.after) : [];
  const older = (isJoined ? earlier.slice(0, -1) : earlier).slice(-MAX_OLDER);
  const left = older.reduce((sum, { after, to, events }) => sum + to - after - events.length, 0);
  const first = older[0]?.events[0] ?? joined[0];
  return {
    events: [...joined, ...past.events],
    beginning: 'kept',
    after: isJoined ? last.after : past.after,
    older,
    fromMs: Math.min(past.fromMs, first?.atMs ?? Infinity),
    leftOutBeats: left + (isJoined ? past.after - last.after - joined.length : 0),
  };
}
