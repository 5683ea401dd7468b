/** What stands for a connection that has not been let in. */
interface Pending {
  readonly address: string;
  close(): void;
}

/**
 * Connections that have not been let in, by address. Beyond the limit the oldest of an address is closed: whoever has
 * the token says so at once and is never the oldest for long, so that a crowd that says nothing keeps nobody out.
 */
export class PendingConnections {
  readonly #byAddress = new Map<string, Set<Pending>>();

  constructor(private readonly maxPerAddress: number) {}

  /** @returns whether another one had to be closed for it. */
  add(connection: Pending): boolean {
    const { address } = connection;
    const pending = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, pending.add(connection));
    if (pending.size <= this.maxPerAddress) return false;
    const [oldest] = pending;
    this.delete(oldest!);
    oldest!.close();
    return true;
  }

  delete(connection: Pending): void {
    const pending = this.#byAddress.get(connection.address);
    pending?.delete(connection);
    if (pending?.size === 0) this.#byAddress.delete(connection.address);
  }
}
