import type { BusClient } from '../../browser.js';
import {
  readExplanation,
  readOverview,
  type ExplainParams,
  type Explanation,
  type Overview,
} from '../model/overview.js';
import type { BusPaint } from './paint.js';

/** What a client that can ask about the bus itself has. */
interface Inspecting {
  inspect(topic: string, params?: unknown): Promise<unknown>;
}

const ASK_EVERY_MS = 1_000;

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
    if (this.#isAsking || Date.now() - this.#askedMs < patience || client?.status.state !== 'live') return;
    this.#askedMs = Date.now();
    const inspecting = inspectingOf(client);
    if (!inspecting) {
      this.#failure = 'this version of the server has no inspection messages';
      return;
    }
    this.#isAsking = true;
    inspecting.inspect('overview').then(
      (value) => {
        this.#isAsking = false;
        this.#overview = readOverview(value);
        this.#failure = this.#overview ? undefined : 'the answer has a shape this inspector does not know';
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

  async explain(client: BusClient | undefined, params: ExplainParams): Promise<Explanation> {
    const inspecting = client && inspectingOf(client);
    if (!inspecting) throw new Error('this server cannot explain');
    const explanation = readExplanation(await inspecting.inspect('explain', params));
    if (!explanation) throw new Error('the answer has a shape this inspector does not know');
    return explanation;
  }
}

/** Older clients cannot ask. */
function inspectingOf(client: BusClient): Inspecting | undefined {
  return 'inspect' in client && typeof client.inspect === 'function' ? (client as unknown as Inspecting) : undefined;
}
