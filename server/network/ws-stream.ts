import type { ServerResponse } from 'node:http';
import type { HttpSource, HttpStream, HttpWriter } from './transport.js';

/** Answers with a head, and then with what the stream writes. */
export function streamReply(response: ServerResponse, method: string | undefined, stream: HttpStream): void {
  response.writeHead(stream.status, stream.headers);
  if (method === 'HEAD') {
    response.end();
    return;
  }
  // A browser waits for the head before it says that a stream is open.
  response.flushHeaders();
  const writer = new NodeWriter(response, () => {
    source.drained();
  });
  const source: HttpSource = stream.open(writer);
  response.on('close', () => {
    if (writer.close()) source.closed();
  });
  // A broken connection is told by the close that follows.
  response.on('error', () => undefined);
}

class NodeWriter implements HttpWriter {
  #phase: 'open' | 'over' = 'open';

  constructor(
    private readonly response: ServerResponse,
    /** Called when what was written has left the queue; a stream's own `drain` comes only after a high-water mark. */
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

  /** @returns whether the other end went before the end. */
  close(): boolean {
    const wasOpen = this.#phase === 'open';
    this.#phase = 'over';
    return wasOpen;
  }
}
