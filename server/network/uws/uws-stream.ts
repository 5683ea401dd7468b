import type { HttpResponse } from 'uWebSockets.js';
import type { HttpSource, HttpStream, HttpWriter } from '../transport.js';
import { writeHead } from './uws-head.js';

/**
 * Sends the head of a streaming reply, then lets the stream write the body. The caller has attached an abort handler.
 * @param handOver runs the function that hands bytes to the engine; `true` from that function means that they were the last.
 * @returns a function to call if the client closes before the last byte.
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
    // Not inside the engine's own call: this may write the end of the reply, after which the engine may close the connection.
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
 * Guards the native response, which throws on any call after its end or abort. Bytes that the kernel does not take the engine keeps. It
 * does not report how many they are, and sends them only at the next write. So this writer queues further bytes itself until the engine
 * says that it is writable. If nothing is queued then, it writes the filler.
 */
class UwsWriter implements HttpWriter {
  source: HttpSource | undefined;
  readonly #queue: Uint8Array[] = [];
  #queuedHere = 0;
  /** An upper bound of the bytes that the engine keeps; 0 if it has sent everything. */
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
    // The engine sends the bytes that it keeps before the end.
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
