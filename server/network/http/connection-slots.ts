import type { HttpReply } from '../transport.js';
import { text } from '../reply.js';

/** The bound of `max_connections`. It covers WebSockets and event streams, which the bus counts, and long HTTP answers, counted here. */
export class ConnectionSlots {
  #taken = 0;

  constructor(
    private readonly connections: () => number,
    private readonly maxConnections: number,
  ) {}

  isFree(): boolean {
    return this.connections() + this.#taken < this.maxConnections;
  }

  /** Takes a slot. @returns a function that frees it; to be called once. */
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
