import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** A network that a test can cut: a TCP proxy on loopback. */
export class CuttableProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Socket>();
  #isUp = true;

  /** @param port the port of the proxy; 0 takes a free one */
  constructor(
    targetPort: number,
    private readonly port = 0,
  ) {
    this.#server = createServer((near) => {
      if (!this.#isUp) {
        near.destroy();
        return;
      }
      const far = connect(targetPort, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#pairs.add(one);
        one.pipe(other);
        one
          .on('error', () => undefined)
          .on('close', () => {
            this.#pairs.delete(one);
            other.destroy();
          });
      }
    });
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections, and refuses new ones until {@link mend}. */
  cut(): void {
    this.#isUp = false;
    for (const socket of this.#pairs) socket.destroy();
  }

  mend(): void {
    this.#isUp = true;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
