import type { HttpResponse } from 'uWebSockets.js';
import type { HttpSource, HttpStream, HttpWriter } from './transport.js';
import { writeHead } from './uws-head.js';

/**
 * Answers with a head, and then with what the stream writes. Whoever calls has attached an abort handler.
 * @param handOver runs what hands bytes to the engine; `true` says that they were the last.
 * @returns to be called when the other end goes before the last.
 */
export function streamReply(
  response: HttpResponse,
  method: string,
  stream: HttpStream,
  handOver: (send: () => boolean) => void,
): () => void {
  const isHead = method === 'HEAD';
  handOver(() => {
    response.cork(() => {
      writeHead(response, stream);
      response.writeHeader('connection', 'close');
      if (isHead) response.endWithoutBody();
    });
    return isHead;
  });
  if (isHead) return () => undefined;
  const writer = new UwsWriter(response, Buffer.from(stream.filler), handOver);
  response.onWritable(() => {
    // Not in the engine's own work on the connection, for the end may be written.
    setImmediate(() => {
      writer.writable();
    });
    return true;
  });
  writer.source = stream.open(writer);
  return () => {
    writer.aborted();
  };
}

/**
 * Guards the native response, on which any call after its end or abort would throw. What the engine could not pass on it
 * keeps, does not measure, and passes on only when something more is written: so our own queue waits until it says that
 * it is writable, and where nothing is queued then, the filler goes.
 */
class UwsWriter implements HttpWriter {
  source: HttpSource | undefined;
  readonly #queue: Uint8Array[] = [];
  #queuedHere = 0;
  /** At most so many bytes are kept by the engine; 0 where it has passed on everything. */
  #kept = 0;
  #phase: 'open' | 'ending' | 'over' = 'open';

  constructor(
    private readonly response: HttpResponse,
    private readonly filler: Uint8Array,
    private readonly handOver: (send: () => boolean) => void,
  ) {}

  get queuedBytes(): number {
    return this.#kept + this.#queuedHere;
  }

  write(bytes: Uint8Array): 'sent' | 'queued' {
    if (this.#phase !== 'open' || bytes.length === 0) return 'sent';
    if (this.#kept === 0) return this.#pass(bytes) ? 'sent' : 'queued';
    this.#queue.push(bytes);
    this.#queuedHere += bytes.length;
    return 'queued';
  }

  end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ending';
    if (this.#queue.length === 0) this.#finish();
  }

  writable(): void {
    if (this.#phase === 'over') return;
    this.#kept = 0;
    if (this.#queue.length === 0) this.#pass(this.filler);
    while (this.#queue.length > 0 && this.#kept === 0) {
      const next = this.#queue.shift()!;
      this.#queuedHere -= next.length;
      this.#pass(next);
    }
    if (this.#phase === 'ending') {
      if (this.#queue.length === 0) this.#finish();
      return;
    }
    this.source?.drained();
  }

  aborted(): void {
    if (this.#phase === 'over') return;
    const wasOpen = this.#phase === 'open';
    this.#phase = 'over';
    this.#queue.length = 0;
    this.#queuedHere = 0;
    this.#kept = 0;
    if (wasOpen) this.source?.closed();
  }

  #finish(): void {
    this.#phase = 'over';
    // Whatever the engine has kept it sends before the end.
    this.handOver(() => {
      this.response.cork(() => {
        this.response.end();
      });
      return true;
    });
  }

  #pass(bytes: Uint8Array): boolean {
    const result = { passed: true };
    this.handOver(() => {
      this.response.cork(() => {
        result.passed = this.response.write(bytes);
      });
      return false;
    });
    if (!result.passed) this.#kept = bytes.length;
    return result.passed;
  }
}
