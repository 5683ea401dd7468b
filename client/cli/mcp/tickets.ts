import { randomUUID } from 'node:crypto';
import { CliError } from '../cli-error.js';
import type { McpBus } from './bus.js';

/** The most tickets that are kept. The one that was used longest ago goes first. */
const MAX_TICKETS = 50;

interface About {
  readonly address: string;
  readonly branch: string | undefined;
}

interface Ticket {
  readonly about: About;
  /** The server's time at which the address was last seen free; `undefined` if it was held all the time. */
  freeAt: number | undefined;
  forget: () => void;
}

/**
 * The waits of a model that go on between its calls. A harness drops a call that takes long, and an address may be free and held again
 * before the next one: the ticket tells that. It promises no place in a queue, because Muse's reservations have none.
 */
export class Tickets {
  readonly #tickets = new Map<string, Ticket>();

  constructor(private readonly bus: McpBus) {}

  /** Begins a wait. @returns the ticket. @throws BusError */
  async issue(about: About): Promise<string> {
    const name = `w-${randomUUID().slice(0, 8)}`;
    const ticket: Ticket = { about, freeAt: undefined, forget: () => undefined };
    await this.#watch(ticket);
    this.#tickets.set(name, ticket);
    for (const [oldest, { forget }] of this.#tickets) {
      if (this.#tickets.size <= MAX_TICKETS) break;
      forget();
      this.#tickets.delete(oldest);
    }
    return name;
  }

  /** Returns what a ticket waits for, and when that was free since the last call. @throws CliError if the ticket is not known. */
  async take(name: string): Promise<About & { readonly freeAt: number | undefined }> {
    const ticket = this.#tickets.get(name);
    if (!ticket) {
      throw new CliError(
        `there is no ticket ${JSON.stringify(name.slice(0, 80))}`,
        'gone',
        'call wait_until_free with the address, for a new one',
      );
    }
    this.#tickets.delete(name);
    this.#tickets.set(name, ticket);
    // The bus may have been lost and found since.
    ticket.forget();
    await this.#watch(ticket);
    // Taken last: if there is no bus now, the next call says it.
    const { about, freeAt } = ticket;
    ticket.freeAt = undefined;
    return { ...about, freeAt };
  }

  close(): void {
    for (const { forget } of this.#tickets.values()) forget();
    this.#tickets.clear();
  }

  async #watch(ticket: Ticket): Promise<void> {
    const { address, branch } = ticket.about;
    const client = await this.bus.client();
    const mirror = await this.bus.leases();
    const about = { branch, ...this.bus.addresses };
    ticket.forget = mirror.watchHolding(address, about, () => {
      if (mirror.holding(address, about).free === 'yes') ticket.freeAt = client.serverNow();
    });
  }
}
