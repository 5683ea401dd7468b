import {
  epoch,
  EVENT_TYPES,
  formatCursor,
  jsonLine,
  toBusEvent,
  type EventOrigin,
  type Revision,
  type WireEvent,
} from '../../../protocol/index.js';

/** What stands between the events of a stream. */
export type Mark =
  /** All that stood is told; what comes now is change. */
  | { readonly type: 'synced'; readonly cursor: string }
  /** What follows is a new snapshot. */
  | { readonly type: 'resync'; readonly reason: string }
  /** The last word. */
  | { readonly type: 'complete'; readonly reason: string; readonly delivered: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

/** How events and marks are written on one kind of stream. */
export interface EventFormat {
  readonly contentType: string;
  /** Before everything. */
  readonly opening: string;
  /** Means nothing between two events. */
  readonly filler: string;
  /** @param id the cursor after the event, where there is one: the event has no place inside a snapshot. */
  event(json: string, id: string | undefined): string;
  mark(mark: Mark): string;
  /** All that matches until the cursor has been written. */
  beat(cursor: string): string;
}

/** How long a browser waits before it comes back, milliseconds. */
const RETRY_MS = 1_000;

/** Server-Sent Events: events are messages, marks are events with a name; a browser resumes by itself after the last id. */
export const SERVER_SENT_EVENTS: EventFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: `retry: ${String(RETRY_MS)}\n\n`,
  filler: ':\n\n',
  event: (json, id) => (id === undefined ? `data: ${json}\n\n` : `id: ${id}\ndata: ${json}\n\n`),
  mark: (mark) => {
    const { type, ...rest } = mark;
    const id = mark.type === 'synced' ? `id: ${mark.cursor}\n` : '';
    return `event: ${type}\n${id}data: ${jsonLine(rest)}\n\n`;
  },
  // An id without data moves the place of resumption and wakes nobody.
  beat: (cursor) => `: heartbeat\nid: ${cursor}\n\n`,
};

/** One JSON object a line; marks have a `type`, which events have not. */
export const NDJSON: EventFormat = {
  contentType: 'application/x-ndjson',
  opening: '',
  filler: '{"type":"heartbeat"}\n',
  event: (json) => `${json}\n`,
  mark: (mark) => `${jsonLine(mark)}\n`,
  beat: (cursor) => `${JSON.stringify({ type: 'heartbeat', cursor })}\n`,
};

/** Events as text for one epoch. @param lastAt where to resume after the last of them, where that is not its own place. */
export function eventsText(
  format: EventFormat,
  origin: EventOrigin,
  events: readonly WireEvent[],
  lastAt?: Revision,
): string {
  let text = '';
  events.forEach((wire, i) => {
    const at = i === events.length - 1 ? lastAt : undefined;
    const event = toBusEvent(wire, origin, at);
    const hasPlace = at !== undefined || EVENT_TYPES[wire[1]] !== 'snapshot';
    text += format.event(jsonLine(event), hasPlace ? event.cursor : undefined);
  });
  return text;
}

export function cursorAt(origin: EventOrigin, at: number): string {
  return formatCursor({ epoch: epoch(origin.epoch), revision: at as Revision });
}
