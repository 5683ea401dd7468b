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

/** A message between the events of a stream that is no event. */
export type Mark =
  /** The snapshot is complete. All events from here on are changes. */
  | { readonly type: 'synced'; readonly cursor: string }
  /** A new snapshot follows. */
  | { readonly type: 'resync'; readonly reason: string }
  /** The subscription has ended. Nothing follows. */
  | { readonly type: 'complete'; readonly reason: string; readonly delivered: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

/** The text of events and marks on one kind of stream. */
export interface EventFormat {
  readonly contentType: string;
  /** Text at the beginning of the stream. */
  readonly opening: string;
  /** Text that clients ignore between two events. */
  readonly filler: string;
  /** @param id the cursor after the event; `undefined` inside a snapshot, where a client cannot resume. */
  event(json: string, id: string | undefined): string;
  mark(mark: Mark): string;
  /** A heartbeat: every matching event up to the cursor has been written. */
  beat(cursor: string): string;
}

/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;

/** Server-Sent Events. Events are unnamed messages, marks have a name. A browser resumes after the last id by itself. */
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
  // An id without data changes where the browser resumes, and calls no handler of the page.
  beat: (cursor) => `: heartbeat\nid: ${cursor}\n\n`,
};

/** One JSON object per line. Marks have a `type`; events have none. */
export const NDJSON: EventFormat = {
  contentType: 'application/x-ndjson',
  opening: '',
  filler: '{"type":"heartbeat"}\n',
  event: (json) => `${json}\n`,
  mark: (mark) => `${jsonLine(mark)}\n`,
  beat: (cursor) => `${JSON.stringify({ type: 'heartbeat', cursor })}\n`,
};

/**
 * Returns the text of events of one epoch.
 * @param lastAt the revision to resume after the last event from, if that is not the event's own.
 */
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
