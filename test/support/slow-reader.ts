import http from 'node:http';

/** A request whose body is read only on demand: the sockets' buffers fill, and then the server must wait. */
export class SlowReader {
  readonly #chunks: Buffer[] = [];
  #ended = false;

  private constructor(
    private readonly request: http.ClientRequest,
    private readonly response: http.IncomingMessage,
  ) {}

  /** Sends the request, and resolves when the head of the reply has arrived. */
  static async begin(url: string, token: string): Promise<SlowReader> {
    const request = http.get(url, { headers: { authorization: `Bearer ${token}` }, agent: false });
    request.on('error', () => undefined);
    const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
    response.on('error', () => undefined);
    return new SlowReader(request, response);
  }

  goOn(): void {
    this.#begin();
    this.response.resume();
  }

  stop(): void {
    this.response.pause();
  }

  #begin(): void {
    if (this.response.listenerCount('data') > 0) return;
    this.response.on('data', (chunk: Buffer) => this.#chunks.push(chunk)).on('end', () => (this.#ended = true));
  }

  leave(): void {
    this.request.destroy();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** The last two chunks that have arrived. */
  get tail(): string {
    return Buffer.concat(this.#chunks.slice(-2)).toString();
  }
}
