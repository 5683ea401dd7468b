import type { BusClient } from '../../sdk/browser.js';
import type { ExplainParams, Explanation, Overview } from '../model/overview.js';
import type { BusPaint } from './paint.js';

const ASK_EVERY_MS = 1_000;
/** Connections, subscriptions, groups and problems listed; the totals count all. */
const MAX_LISTED = 500;

/** What the bus says of itself, asked for as long as it is looked at, and now and then for the attention list. */
export class BusFacts {
  #overview: Overview | undefined;
  #askedMs = 0;
  #isAsking = false;
  #failure: string | undefined;

  get overview(): Overview | undefined {
    return this.#overview;
  }

  /** Asks anew where the answer has grown old. @param changed called when there is another one. */
  refresh(client: BusClient | undefined, isLookedAt: boolean, changed: () => void): void {
    const patience = isLookedAt ? ASK_EVERY_MS : 5 * ASK_EVERY_MS;
    if (this.#isAsking || client?.status.state !== 'live' || Date.now() - this.#askedMs < patience) return;
    this.#askedMs = Date.now();
    this.#isAsking = true;
    client.inspect('overview', { limit: MAX_LISTED }).then(
      (overview) => {
        this.#isAsking = false;
        this.#overview = overview;
        this.#failure = undefined;
        changed();
      },
      (error: unknown) => {
        this.#isAsking = false;
        this.#overview = undefined;
        this.#failure = error instanceof Error ? error.message : String(error);
        changed();
      },
    );
  }

  paint(client: BusClient | undefined): BusPaint {
    if (this.#overview) return { state: 'known', overview: this.#overview, askedMs: this.#askedMs };
    if (this.#failure === undefined && client) return { state: 'asking' };
    const server = client?.server;
    const known: Record<string, string | number> = server
      ? {
          version: server.server,
          epoch: server.epoch,
          watching: server.backend,
          heartbeat_ms: server.heartbeat_ms,
          ...server.limits,
        }
      : {};
    return { state: 'cannot-say', why: this.#failure ?? 'there is no connection to a bus', known };
  }

  explain(client: BusClient | undefined, params: ExplainParams): Promise<Explanation> {
    if (!client) throw new Error('there is no connection to a bus');
    return client.inspect('explain', params);
  }
}
