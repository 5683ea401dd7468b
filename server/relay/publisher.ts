import type { Revision } from '../../protocol/index.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import { claimStream, type ClaimServices, type Claimed, type SentMessages } from './claim.js';
import { Outbox } from './outbox.js';
import { PublishError, PublishWindow } from './publish-window.js';
import { RelayTakenError } from './relay-taken-error.js';

/** A turn of publishing keeps the loop no longer, so that the origin's own clients do not wait for it. */
const TURN_MS = 3;
const LOOK_EVERY = 32;
const RETRY_MS = 250;
const ASKED_AGAIN_MS = 2_000;
/** Bytes of a message in the stream beside its payload, roughly: subject, headers, record keeping. */
const OVERHEAD_BYTES = 160;

/** `away`: NATS is not there, or being asked. `taken`: another origin publishes; asked again after a while. */
export type PublisherState = 'away' | 'publishing' | 'taken' | 'stopped';

export interface PublisherServices extends ClaimServices {
  /** Called with each claim of the stream, and with its loss: only who has claimed it answers for it. */
  readonly claimed: (isOurs: boolean) => void;
}

/**
 * From the origin's history to the stream, in order and at NATS's pace. Whatever goes wrong is answered in one way: what
 * the stream holds is looked up there, and publishing goes on after it.
 */
export class Publisher {
  #state: PublisherState = 'away';
  #window: PublishWindow | undefined;
  #outbox: Outbox | undefined;
  readonly #turns: TurnLoop;
  #cancelRetry: (() => void) | undefined;
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
   * Claims the stream and publishes from then on.
   * @throws RelayTakenError where another origin lives.
   */
  async start(): Promise<void> {
    try {
      this.#begin(await claimStream(this.services));
    } catch (error) {
      if (error instanceof RelayTakenError) throw error;
      this.#again(error as Error);
    }
  }

  /** Something has happened. */
  wake(): void {
    if (this.#state === 'publishing') this.#turns.request();
  }

  /** NATS has gone: what it has had is found out when it is back. */
  disconnected(): void {
    this.#window?.fail(new PublishError('away', 'the connection broke'));
  }

  /** NATS is back. */
  reconnected(): void {
    if (this.#state === 'away') this.#retryIn(0);
  }

  /** Sends the records again as they stand, where no base is under way. */
  refreshBase(): void {
    if (!this.#outbox || this.#outbox.isSendingBase()) return;
    this.#outbox.wantBase();
    this.wake();
  }

  /** An edge finds no base: it is given one, though not to each that asks. */
  giveBase(): void {
    if (this.services.clock.now() - this.#baseAt > ASKED_AGAIN_MS) this.refreshBase();
  }

  /** Whether the base will not be forgotten soon; else a new one is begun. For a clock. */
  tendBase(): void {
    const { limits, clock } = this.services;
    const window = this.#window;
    const outbox = this.#outbox;
    if (!window || !outbox || outbox.isSendingBase() || outbox.baseFrom === undefined) return;
    const records = this.services.source.store.size;
    const messages = window.next - outbox.baseFrom;
    // What is sent again must not be all that is ever sent.
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
  }

  /** What has been sent since the last claim: whatever else is in the stream is somebody else's. */
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

  /** A base that fills what the stream keeps is forgotten as soon as it is there. */
  #baseEnds(): void {
    const { limits, log, source } = this.services;
    const records = source.store.size;
    if (2 * records < limits.maxMessages && 2 * this.#bytesSinceBase < limits.maxBytes) return;
    log.error(
      { records, bytes: this.#bytesSinceBase, max_messages: limits.maxMessages, max_bytes: limits.maxBytes },
      'the records alone take more than half of what the stream keeps: raise --relay-max-messages and --relay-max-bytes',
    );
  }

  #lost(error: Error): void {
    if (this.#state !== 'publishing') return;
    this.services.claimed(false);
    this.#again(error);
  }

  #again(error: Error): void {
    if (this.#state === 'stopped') return;
    this.services.log.warn({ err: error }, `not publishing: ${error.message}; what happens is kept and sent later`);
    this.#state = 'away';
    this.#retryIn(RETRY_MS);
  }

  #retryIn(delayMs: number): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.services.clock.after(delayMs, () => void this.#reclaim());
  }

  async #reclaim(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'publishing') return;
    try {
      this.#begin(await claimStream(this.services, this.#sent));
    } catch (error) {
      if (error instanceof RelayTakenError) {
        if (this.#state !== 'taken') this.services.log.error({ err: error }, error.message);
        this.#state = 'taken';
        this.#retryIn(20 * RETRY_MS);
      } else {
        // Whether another still has it is not known: asked again, and at once when NATS is back.
        this.#state = 'away';
        this.#retryIn(2 * RETRY_MS);
      }
    }
  }
}
