import type { ServerResponse } from 'node:http';
import type { HttpSource, HttpStream, HttpWriter } from '../transport.js';

/** Sends the head of a streaming reply, then lets the stream write the body. */
export function streamReply(response: ServerResponse, method: string | undefined, stream: HttpStream): void {
  response.writeHead(stream.status, stream.headers);
  if (method === 'HEAD') {
    response.end();
    return;
  }
  // A browser reports a stream as open only after it has received the head.
  response.flushHeaders();
  const writer = new NodeWriter(response, () => {
    source.drained();
  });
  const source: HttpSource = stream.open(writer);
  response.on('close', () => {
    if (writer.close()) source.closed();
  });
  // The event `close`, which follows, reports a broken connection.
  response.on('error', () => undefined);
}

class NodeWriter implements HttpWriter {
  #phase: 'open' | 'over' = 'open';

  constructor(
    private readonly response: ServerResponse,
    /** Called when written bytes have left the queue. The stream's own `drain` comes only after a write that reached a high-water mark. */
    private readonly written: () => void,
  ) {}

  get queuedBytes(): number {
    return this.response.writableLength;
  }

  write(bytes: Uint8Array): 'sent' | 'queued' {
    if (this.#phase === 'over') return 'sent';
    this.response.write(bytes, this.written);
    return this.response.writableLength === 0 ? 'sent' : 'queued';
  }

  end(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.response.end();
  }

  /** @returns whether the client closed before the reply was complete. */
  close(): boolean {
    const wasOpen = this.#phase === 'open';
    this.#phase = 'over';
    return wasOpen;
  }
}
