import type { Mirror } from '../../sdk/mirror.js';
import type { BusStatus } from '../../sdk/status.js';
import { readAddresses } from '../../sdk/address.js';
import { CliError } from '../cli-error.js';
import type { McpBus } from './bus.js';
import { readUri, stateOf, type Asked } from './resources.js';

/** The most resources that one client follows. */
export const MAX_FOLLOWED = 100;
/** Changes within this time are one update: a burst wakes a client once. */
const BATCH_MS = 50;
/** While no bus can be had, it is looked for again after this time. */
const RETRY_MS = 1_000;

interface Followed {
  readonly asked: Asked;
  /** Which subscriptions name it: `subscriptions/listen` may name a resource several times, `resources/subscribe` does once. */
  readonly by: Set<unknown>;
  /** The state at the last update, as JSON; `undefined` if there was no bus. */
  said: string | undefined;
}

/**
 * The resources that a client has subscribed to. It is told when the state of one changes, also by the loss of the bus, and once for a burst
 * of changes.
 */
export class ResourceSubscriptions {
  readonly #followed = new Map<string, Followed>();
  #forget: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** @param updated tells the client that it should read the resource again. */
  constructor(
    private readonly bus: McpBus,
    private readonly updated: (uri: string) => void,
  ) {}

  /** Follows a resource from its state on. @throws CliError, BusError */
  async follow(uri: string, by: unknown): Promise<void> {
    const asked = this.#read(uri);
    const mirror = await this.bus.records();
    this.#add(uri, by, { asked, said: JSON.stringify(stateOf(asked, mirror, this.bus)) });
    await this.#watch();
  }

  /** Follows those of some resources that there are, also while there is no bus. @returns those. */
  async followAll(uris: readonly string[], by: unknown): Promise<string[]> {
    const followed: string[] = [];
    for (const uri of new Set(uris)) {
      try {
        const asked = this.#read(uri);
        await this.follow(uri, by).catch(() => {
          this.#add(uri, by, { asked, said: undefined });
          this.#seek();
        });
        followed.push(uri);
      } catch {
        // The client sees that it is not among those which are followed.
      }
    }
    return followed;
  }

  unfollow(uri: string, by: unknown): void {
    const followed = this.#followed.get(uri);
    followed?.by.delete(by);
    if (followed?.by.size === 0) this.#followed.delete(uri);
    if (this.#followed.size === 0) this.#stop();
  }

  /** @throws CliError, BusError if there is no such resource, or too many are followed */
  #read(uri: string): Asked {
    const { asked } = readUri(uri);
    if (asked.is === 'holders') readAddresses(asked.address, this.bus.addresses);
    if (this.#followed.size >= MAX_FOLLOWED && !this.#followed.has(uri))
      throw new CliError(`${String(MAX_FOLLOWED)} resources are followed`, 'limit', 'unsubscribe from one first');
    return asked;
  }

  #add(uri: string, by: unknown, found: Pick<Followed, 'asked' | 'said'>): void {
    const before = this.#followed.get(uri);
    // A change that is about to be told is told to both.
    const { asked, said = found.said } = before ?? found;
    this.#followed.set(uri, { asked, said, by: new Set([...(before?.by ?? []), by]) });
  }

  close(): void {
    this.#followed.clear();
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#timer = this.#retry = undefined;
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
        if (state !== 'closed') return;
        this.#forget?.();
        this.#forget = undefined;
        this.#seek();
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

  /** Follows a bus as soon as there is one. */
  #seek(): void {
    if (this.#followed.size === 0) return;
    this.#watch().catch(() => {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.#seek();
      }, RETRY_MS).unref();
    });
  }
}
