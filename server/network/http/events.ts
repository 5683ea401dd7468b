import { MessageType } from '../../../protocol/index.js';
import { findHeaders, type RequestHead } from '../transport.js';
import { NDJSON, SERVER_SENT_EVENTS, type EventFormat } from './event-format.js';
import { EventStream, SharedText } from './event-stream.js';
import { Narrowing } from './narrowing.js';
import { EVENT_PARAMETERS, readQuery, readSince, type Query } from './query.js';
import type { Route, RouteServices } from './route.js';
import { text } from '../reply.js';

/** Returns the route `/events`: the subscription that the query describes, as Server-Sent Events or as lines of JSON. */
export function eventsRoute({ bus, limits, clock, slots }: RouteServices): Route {
  const shared = new Map<EventFormat, SharedText>();
  for (const format of [SERVER_SENT_EVENTS, NDJSON]) shared.set(format, new SharedText());
  return (request) => {
    const format = chooseFormat(request);
    if (format === undefined) {
      return text(406, 'accept text/event-stream or application/x-ndjson; the current records alone are at /records');
    }
    const query = readQuery(request.query, EVENT_PARAMETERS, limits);
    const options = subscribeOptions(query, sinceOf(request, query));
    if (!slots.isFree()) return slots.refusal();
    return {
      status: 200,
      headers: { 'content-type': format.contentType, vary: 'accept', 'x-accel-buffering': 'no' },
      filler: format.filler,
      open: (writer) => {
        const narrowing = query.query && new Narrowing(query.query, query.maxEvents, clock);
        const stream = new EventStream(writer, format, shared.get(format)!, request.remoteAddress, narrowing);
        stream.begin(bus.attach(stream, 'json'), [MessageType.subscribe, 1, options]);
        return stream;
      },
    };
  };
}

/** Returns the format that the request prefers, of equals the first; Server-Sent Events if it accepts any. */
function chooseFormat(request: RequestHead): EventFormat | undefined {
  const ranges = findHeaders(request, 'accept')
    .flatMap((value) => value.split(','))
    .map(readRange)
    .filter(({ type }) => type !== '');
  if (ranges.length === 0) return SERVER_SENT_EVENTS;
  const [best] = ranges
    .filter(({ type, weight }) => weight > 0 && BY_TYPE.has(type))
    .sort((one, other) => other.weight - one.weight);
  return best && BY_TYPE.get(best.type);
}

/** Reads one range of `Accept`, `text/event-stream;q=0.5`. */
function readRange(range: string): { readonly type: string; readonly weight: number } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, weight: weight === undefined ? 1 : Number(weight) };
}

const BY_TYPE: ReadonlyMap<string, EventFormat> = new Map([
  ['text/event-stream', SERVER_SENT_EVENTS],
  ['application/x-ndjson', NDJSON],
  ['application/ndjson', NDJSON],
  ['application/jsonl', NDJSON],
  ['text/*', SERVER_SENT_EVENTS],
  ['application/*', NDJSON],
  ['*/*', SERVER_SENT_EVENTS],
]);

/** Returns the cursor to resume from. The header comes first: a browser that reconnects sends it, with the same query as before. */
function sinceOf(request: RequestHead, query: Query): string | undefined {
  const [lastEventId] = findHeaders(request, 'last-event-id');
  return readSince('Last-Event-ID', lastEventId === '' ? undefined : lastEventId) ?? query.since;
}

function subscribeOptions({ filterInput, maxEvents, snapshot, query }: Query, since: string | undefined) {
  return {
    filter: filterInput,
    snapshot,
    // With a query, the cap counts what is left after it, so the stream counts.
    ...(maxEvents === undefined || query !== undefined ? {} : { max_events: maxEvents }),
    ...(since === undefined ? {} : { since }),
  };
}
