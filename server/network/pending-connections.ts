import { text } from './reply.js';
import { withSecurityHeaders } from './security-headers.js';

/** The answer to a connection that is closed because its address has too many of them. */
export const TOO_MANY_PENDING = withSecurityHeaders(
  text(503, 'too many unauthenticated connections of this address (max_pending_connections)'),
);

/** An unauthenticated connection. */
interface Pending {
  readonly address: string;
  close(): void;
}

/**
 * Unauthenticated connections, by address. Beyond the limit the oldest one of an address is closed. A client that has the token sends it
 * at once, so its connection is never among the oldest, and many silent connections cannot keep it out.
 */
export class PendingConnections {
  readonly #byAddress = new Map<string, Set<Pending>>();

  constructor(private readonly maxPerAddress: number) {}

  /** @returns whether the oldest connection of the address was closed to make room. */
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
