import type { Mirror } from '../../sdk/mirror.js';
import type { BusStatus } from '../../sdk/status.js';
import { CliError } from '../cli-error.js';
import type { McpBus } from './bus.js';
import { readUri, stateOf, type Asked } from './resources.js';

/** The most resources that one client follows. */
const MAX_FOLLOWED = 100;
/** Changes within this time are one update: a burst wakes a client once. */
const BATCH_MS = 50;
/** While no bus can be had, it is looked for again after this time. */
const RETRY_MS = 1_000;

interface Followed {
  readonly asked: Asked;
  /** The state at the last update, as JSON. */
  said: string;
}

/**
 * The resources that a client has subscribed to. It is told when the state of one changes, also by the loss of the bus, and once for a burst
 * of changes.
 */
export class ResourceSubscriptions {
  readonly #followed = new Map<string, Followed>();
  #forget: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param updated tells the client that it should read the resource again. */
  constructor(
    private readonly bus: McpBus,
    private readonly updated: (uri: string) => void,
  ) {}

  /** @throws CliError, BusError */
  async follow(uri: string): Promise<void> {
    const { asked } = readUri(uri);
    if (this.#followed.size >= MAX_FOLLOWED && !this.#followed.has(uri))
      throw new CliError(`${String(MAX_FOLLOWED)} resources are followed`, 'limit', 'unsubscribe from one first');
    const mirror = await this.bus.records();
    this.#followed.set(uri, { asked, said: JSON.stringify(stateOf(asked, mirror, this.bus)) });
    await this.#watch();
  }

  unfollow(uri: string): void {
    this.#followed.delete(uri);
    if (this.#followed.size === 0) this.#stop();
  }

  close(): void {
    this.#isClosed = true;
    this.#followed.clear();
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget?.();
    this.#forget = undefined;
  }

  async #watch(): Promise<void> {
    if (this.#forget) return;
    const over = new AbortController();
    this.#forget = () => {
      over.abort();
    };
    try {
      const client = await this.bus.client();
      const mirror = await this.bus.records();
      if (over.signal.aborted) return;
      const forgetChanges = mirror.subscribe(() => this.#soon(mirror));
      const forgetStatus = client.watchStatus(({ state }: BusStatus) => {
        this.#soon(mirror);
        if (state === 'closed') this.#begin();
      });
      over.signal.addEventListener('abort', () => {
        forgetChanges();
        forgetStatus();
      });
      this.#soon(mirror);
    } catch (error) {
      if (!over.signal.aborted) this.#forget = undefined;
      throw error;
    }
  }

  #soon(mirror: Mirror): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const [uri, followed] of this.#followed) {
        const now = JSON.stringify(stateOf(followed.asked, mirror, this.bus));
        if (now === followed.said) continue;
        followed.said = now;
        this.updated(uri);
      }
    }, BATCH_MS);
  }

  /** Follows another bus, as soon as there is one. */
  #begin(): void {
    this.#forget?.();
    this.#forget = undefined;
    if (this.#isClosed || this.#followed.size === 0) return;
    this.#watch().catch(() => {
      setTimeout(() => this.#begin(), RETRY_MS).unref();
    });
  }
}
