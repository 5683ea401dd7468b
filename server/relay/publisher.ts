import type { Revision } from '../../protocol/index.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import { claimStream, type ClaimServices, type Claimed, type SentMessages } from './claim.js';
import { Outbox } from './outbox.js';
import { PublishError, PublishWindow } from './publish-window.js';
import { RelayTakenError } from './relay-taken-error.js';

/** How long a turn may publish, so that the origin's own clients do not wait. */
const TURN_MS = 3;
const LOOK_EVERY = 32;
const RETRY_MS = 250;
const ASKED_AGAIN_MS = 2_000;
/** The approximate size of a message in the stream beyond its payload and subject: headers and NATS's own data. */
const OVERHEAD_BYTES = 160;

/** `away`: NATS does not answer, or the stream is being claimed. `taken`: another origin publishes; the claim is tried again later. */
export type PublisherState = 'away' | 'publishing' | 'taken' | 'stopped';

export interface PublisherServices extends ClaimServices {
  /** Called with `true` when the stream has been claimed, and with `false` when the claim may be lost. Only its holder answers edges. */
  readonly claimed: (isOurs: boolean) => void;
}

/**
 * Publishes the origin's history to the stream, in order and as fast as NATS accepts it. Every failure has the same remedy: ask the stream
 * for its last message, and continue after it.
 */
export class Publisher {
  #state: PublisherState = 'away';
  #window: PublishWindow | undefined;
  #outbox: Outbox | undefined;
  readonly #turns: TurnLoop;
  #cancelRetry: (() => void) | undefined;
  /** The number of the newest attempt to claim the stream. The outcome of an earlier one is ignored. */
  #attempt = 0;
  /** Settles {@link start}. */
  #first: { readonly resolve: () => void; readonly reject: (error: RelayTakenError) => void } | undefined;
  /** Bytes in the stream since its base began. */
  #bytesSinceBase = 0;
  #baseAt = 0;
  published = 0;
  claims = 0;

  constructor(private readonly services: PublisherServices) {
    this.#turns = new TurnLoop(services.clock, TURN_MS, (turn) => this.#step(turn));
  }

  get state(): PublisherState {
    return this.#state;
  }

  /** Events that NATS does not have yet. */
  get behind(): number {
    return this.#outbox?.behind ?? this.services.source.history.size;
  }

  /** The last revision that has been handed to NATS. */
  get revision(): Revision | undefined {
    return this.#outbox?.revision;
  }

  /**
   * Claims the stream, however long that takes, and publishes from then on. Returns without a claim if the publisher is stopped.
   * @throws RelayTakenError if another origin publishes. Only an origin that has published before waits until that one has ended.
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      void this.#claim();
    });
  }

  /** Called when there are new events. */
  wake(): void {
    if (this.#state === 'publishing') this.#turns.request();
  }

  /** Called when the connection to NATS has broken. What NATS has stored is asked when it is back. */
  disconnected(): void {
    this.#window?.fail(new PublishError('away', 'the connection broke'));
  }

  /** Called when the connection to NATS is back. */
  reconnected(): void {
    if (this.#state === 'away') this.#retryIn(0);
  }

  /** Sends a new base, unless one is being sent. */
  refreshBase(): void {
    if (!this.#outbox || this.#outbox.isSendingBase()) return;
    this.#outbox.wantBase();
    this.wake();
  }

  /** Sends a new base for an edge that has found none, at most one in {@link ASKED_AGAIN_MS}. */
  giveBase(): void {
    if (this.services.clock.now() - this.#baseAt > ASKED_AGAIN_MS) this.refreshBase();
  }

  /** Begins a new base if the stream may soon delete messages of the current one. To be called periodically. */
  tendBase(): void {
    const { limits, clock } = this.services;
    const window = this.#window;
    const outbox = this.#outbox;
    if (!window || !outbox || outbox.isSendingBase() || outbox.baseFrom === undefined) return;
    const records = this.services.source.store.size;
    const messages = window.next - outbox.baseFrom;
    // Without this bound, bases could make up most of the stream.
    const isWorthIt = messages > 2 * records + 16;
    const isOld = clock.now() - this.#baseAt > limits.maxAgeMs / 2;
    const isDeep = messages > limits.maxMessages / 2 || this.#bytesSinceBase > limits.maxBytes / 2;
    if (isOld || (isDeep && isWorthIt)) this.refreshBase();
  }

  stop(): void {
    this.#turns.stop();
    this.#cancelRetry?.();
    this.#window?.close();
    this.#state = 'stopped';
    this.#first?.resolve();
  }

  /** The messages that were sent since the last claim. Every later message in the stream is another process's. */
  get #sent(): SentMessages | undefined {
    const revision = this.#outbox?.revision;
    const window = this.#window;
    if (!window || revision === undefined) return undefined;
    return { answered: window.answered, last: window.next - 1, revision };
  }

  #begin({ sequence, position, bytes }: Claimed): void {
    if (this.#state === 'stopped') return;
    const { broker, names, clock, identity, source, log } = this.services;
    this.claims++;
    this.#outbox = new Outbox(names, identity.origin, source, position);
    this.#bytesSinceBase = bytes;
    this.#baseAt = clock.now();
    this.#window = new PublishWindow(broker, clock, sequence, {
      advanced: () => {
        this.wake();
      },
      failed: (error) => {
        this.#lost(error);
      },
    });
    this.#state = 'publishing';
    const { behind } = this.#outbox;
    log.info({ stream: names.stream, sequence, behind }, 'publishing to NATS');
    this.services.claimed(true);
    this.#first?.resolve();
    this.wake();
  }

  /** @returns whether there is more to send at once. */
  #step(turn: Turn): boolean {
    if (this.#state !== 'publishing') return false;
    try {
      return this.#send(turn);
    } catch (error) {
      this.#lost(error as Error);
      return false;
    }
  }

  #send(turn: Turn): boolean {
    const window = this.#window!;
    const outbox = this.#outbox!;
    for (let sent = 1; this.#state === 'publishing' && window.hasRoom; sent++) {
      const wasSendingBase = outbox.isSendingBase();
      const outgoing = outbox.next(window.next);
      if (!outgoing) break;
      if (!wasSendingBase && outbox.isSendingBase()) this.#baseBegins();
      else if (wasSendingBase && !outbox.isSendingBase()) this.#baseEnds();
      this.#bytesSinceBase += outgoing.payload.length + outgoing.subject.length + OVERHEAD_BYTES;
      window.send(outgoing);
      this.published++;
      if (sent % LOOK_EVERY === 0 && turn.isSpent()) return true;
    }
    return false;
  }

  #baseBegins(): void {
    this.#bytesSinceBase = 0;
    this.#baseAt = this.services.clock.now();
  }

  /** Logs an error if the base fills so much of the stream that the stream deletes it soon after it is complete. */
  #baseEnds(): void {
    const { limits, log, source } = this.services;
    const records = source.store.size;
    if (2 * records < limits.maxMessages && 2 * this.#bytesSinceBase < limits.maxBytes) return;
    log.error(
      { records, bytes: this.#bytesSinceBase, max_messages: limits.maxMessages, max_bytes: limits.maxBytes },
      'the records alone take half or more of what the stream may hold: raise --relay-max-messages and --relay-max-bytes',
    );
  }

  #lost(error: Error): void {
    if (this.#state !== 'publishing') return;
    this.services.claimed(false);
    this.#state = 'away';
    this.#logAway(error);
    this.#retryIn(RETRY_MS);
  }

  #logAway(error: Error): void {
    this.services.log.warn(
      { err: error },
      `not publishing: ${error.message}; events are kept in the history and sent later`,
    );
  }

  #retryIn(delayMs: number): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.services.clock.after(delayMs, () => void this.#claim());
  }

  async #claim(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'publishing') return;
    const attempt = ++this.#attempt;
    try {
      const claimed = await claimStream(this.services, this.#sent);
      if (attempt === this.#attempt) this.#begin(claimed);
    } catch (error) {
      if (attempt === this.#attempt) this.#notClaimed(error as Error);
    }
  }

  #notClaimed(error: Error): void {
    if (this.#state === 'stopped') return;
    if (!(error instanceof RelayTakenError)) {
      // Whether another origin still publishes is not known. The claim is tried again, and at once when NATS is back.
      if (this.#attempt === 1) this.#logAway(error);
      this.#state = 'away';
      this.#retryIn(2 * RETRY_MS);
    } else if (this.claims === 0) {
      this.#first?.reject(error);
    } else {
      if (this.#state !== 'taken') this.services.log.error({ err: error }, error.message);
      this.#state = 'taken';
      this.#retryIn(20 * RETRY_MS);
    }
  }
}
