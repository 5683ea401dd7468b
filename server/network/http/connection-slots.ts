import type { HttpReply } from '../transport.js';
import { text } from './reply.js';

/** How many may be served at once: WebSockets and event streams, which the bus counts, and lists being written. */
export class ConnectionSlots {
  #taken = 0;

  constructor(
    private readonly connections: () => number,
    private readonly maxConnections: number,
  ) {}

  isFree(): boolean {
    return this.connections() + this.#taken < this.maxConnections;
  }

  /** @returns what gives the place back. */
  take(): () => void {
    this.#taken++;
    return () => {
      this.#taken--;
    };
  }

  refusal(): HttpReply {
    const most = `at most ${String(this.maxConnections)} (max_connections)`;
    return text(503, `too many connections; ${most}`, { 'retry-after': '5' });
  }
}
