import type { BusClient } from '../../sdk/browser.js';
import type { Overview } from '../model/overview.js';
import type { BusPaint } from './paint.js';

const POLL_INTERVAL_MS = 1_000;
/** The attention list needs the overview too, but not as often as the view of the bus. */
const BACKGROUND_POLL_INTERVAL_MS = 5_000;
/** The most connections, subscriptions, groups and problems that the server lists. Its totals count all of them. */
export const MAX_LISTED = 500;

/** Polls the overview of the bus: often while the page shows it, otherwise rarely. */
export class OverviewPoller {
  #overview: Overview | undefined;
  #askedMs = 0;
  #isAsking = false;
  #failure: string | undefined;

  get overview(): Overview | undefined {
    return this.#overview;
  }

  /** Asks again if the last answer is too old. @param changed called when there is a new answer. */
  refresh(client: BusClient | undefined, isShown: boolean, changed: () => void): void {
    const intervalMs = isShown ? POLL_INTERVAL_MS : BACKGROUND_POLL_INTERVAL_MS;
    if (this.#isAsking || client?.status.state !== 'live' || Date.now() - this.#askedMs < intervalMs) return;
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
    return { state: 'unavailable', why: this.#failure ?? 'there is no connection to a bus', known };
  }
}
