import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** A bad network: splits the server's bytes at random places, and breaks connections after a number of bytes or on request. */
export class Proxy {
  /** The server's port, which may change with a restart. */
  target = 0;
  splits = false;
  /** Bytes from the server after which the next connection breaks. */
  breaksAfter: () => number = () => Infinity;
  breaks = 0;
  /** Resolves when the proxy passes on the server's bytes again. */
  #flowing: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  private constructor(
    private readonly server: Server,
    private readonly random: () => number,
  ) {
    server.on('connection', (near) => {
      this.#join(near);
    });
  }

  static listen(random: () => number): Promise<Proxy> {
    const server = createServer();
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        resolve(new Proxy(server, random));
      });
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The value for `allowHosts` of the server. */
  get host(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  get url(): string {
    return `ws://${this.host}`;
  }

  /** Breaks all connections at once. */
  breakAll(): void {
    for (const pair of [...this.#pairs]) this.#break(pair);
  }

  /** Keeps the server's bytes back until {@link release}; no connection breaks. */
  hold(): void {
    this.#flowing = new Promise((resolve) => (this.#release = resolve));
  }

  release(): void {
    this.#release();
  }

  /** Breaks one connection, chosen at random. */
  breakOne(): void {
    const pairs = [...this.#pairs];
    const pair = pairs[Math.floor(this.random() * pairs.length)];
    if (pair) this.#break(pair);
  }

  close(): Promise<void> {
    this.breakAll();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  #join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    void this.#carry(pair, this.breaksAfter());
  }

  async #carry(pair: readonly [Socket, Socket], limit: number): Promise<void> {
    const [near, far] = pair;
    let left = limit;
    try {
      for await (const chunk of far as AsyncIterable<Buffer>) {
        await this.#flowing;
        for (const piece of this.#pieces(chunk.subarray(0, Math.min(left, chunk.length)))) {
          if (!near.write(piece)) await new Promise((resolve) => near.once('drain', resolve).once('close', resolve));
          if (this.splits) await new Promise((resolve) => setImmediate(resolve));
        }
        left -= chunk.length;
        if (left <= 0) break;
      }
    } catch {
      // Broken from one of its ends.
    }
    if (left <= 0) this.breaks++;
    near.end();
    far.destroy();
  }

  #pieces(chunk: Buffer): Buffer[] {
    if (!this.splits) return [chunk];
    const pieces: Buffer[] = [];
    for (let from = 0; from < chunk.length;) {
      const until = from + 1 + Math.floor(this.random() ** 3 * 3_000);
      pieces.push(chunk.subarray(from, until));
      from = until;
    }
    return pieces;
  }

  #break([near, far]: readonly [Socket, Socket]): void {
    this.breaks++;
    if (this.random() < 0.5) near.resetAndDestroy();
    else near.destroy();
    far.destroy();
  }
}
