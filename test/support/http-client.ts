import type { Endpoint } from '../../server/index.js';
import { until } from './until.js';

type Headers = Readonly<Record<string, string>>;

/** An HTTP client of a server. It sends the server's token unless the headers of a call replace it. */
export class HttpClient {
  readonly base: string;
  readonly #streams = new Set<TextStream>();

  constructor(private readonly endpoint: Pick<Endpoint, 'url' | 'token'>) {
    this.base = endpoint.url.replace(/^ws/, 'http');
  }

  get(path: string, headers: Headers = {}, method = 'GET'): Promise<Response> {
    const authorization = `Bearer ${this.endpoint.token}`;
    return fetch(this.base + path, { method, headers: { authorization, ...headers } });
  }

  /** Starts a request whose reply is a stream. */
  async stream(path: string, headers: Headers = {}): Promise<TextStream> {
    const abort = new AbortController();
    const authorization = `Bearer ${this.endpoint.token}`;
    const response = await fetch(this.base + path, {
      headers: { authorization, ...headers },
      signal: abort.signal,
    });
    const stream = new TextStream(response, abort);
    this.#streams.add(stream);
    return stream;
  }

  /** Aborts all streams. */
  close(): void {
    for (const stream of this.#streams) stream.leave();
  }
}

/** The body of a reply, as far as it has arrived. */
export class TextStream {
  text = '';
  ended = false;

  constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    void this.#read();
  }

  leave(): void {
    this.abort.abort();
  }

  untilEnd(): Promise<void> {
    return until('the stream ends', () => this.ended);
  }

  untilText(part: string | RegExp): Promise<void> {
    return until(`the stream contains ${String(part)}; it ended with ${this.text.slice(-500)}`, () =>
      typeof part === 'string' ? this.text.includes(part) : part.test(this.text),
    );
  }

  /** The complete lines so far, each parsed as JSON. */
  get lines(): Record<string, unknown>[] {
    return this.text
      .slice(0, this.text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get events(): ServerSentEvent[] {
    return readServerSentEvents(this.text);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body!) this.text += decoder.decode(chunk, { stream: true });
    } catch {
      // The test left the stream, or the server closed it. The text so far stays.
    }
    this.ended = true;
  }
}

export interface ServerSentEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
  /** The last id at the dispatch of the event, which a browser would send as `Last-Event-ID`. */
  readonly lastEventId: string;
}

/** Parses an event stream as the HTML standard specifies, section 9.2.6. */
export function readServerSentEvents(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  let data: string[] = [];
  let event = '';
  let lastEventId = '';
  for (const line of text.slice(0, text.lastIndexOf('\n\n') + 2).split('\n')) {
    if (line === '') {
      if (data.length > 0) {
        const value = JSON.parse(data.join('\n')) as Record<string, unknown>;
        events.push({ event: event === '' ? 'message' : event, data: value, lastEventId });
      }
      data = [];
      event = '';
    } else if (line.startsWith('data: ')) data.push(line.slice(6));
    else if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('id: ')) lastEventId = line.slice(4);
    else if (!line.startsWith(':') && !line.startsWith('retry: ')) throw new Error(`not an event stream: ${line}`);
  }
  return events;
}
