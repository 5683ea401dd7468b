import type { RandomBytes } from '../runtime/random.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import { BaseUpkeep } from './base-upkeep.js';
import { StreamRefusedError } from './broker.js';
import { claimStream, type ClaimServices, type Claimed, type SentMessages } from './claim.js';
import { findCut } from './find-cut.js';
import { MessageBound } from './message-bound.js';
import { Outbox, waitingIn, type Outgoing, type Waiting } from './outbox.js';
import { PeriodicStreamCheck } from './periodic-stream-check.js';
import { PublishError, PublishWindow } from './publish-window.js';
import { PublisherLog, whyNot } from './publisher-log.js';
import {
  IDLE,
  isWaiting,
  nextState,
  NO_FAILURES,
  toldState,
  type PublisherEvent,
  type PublisherFailures,
  type PublisherState,
  type ToldState,
} from './publisher-state.js';
import type { Refusals } from './refusals.js';
import { RelayTakenError } from './relay-taken-error.js';

/** How long a turn may publish, so that the origin's own clients do not wait. */
const TURN_MS = 3;
const LOOK_EVERY = 32;

export interface PublisherServices extends ClaimServices {
  readonly random: RandomBytes;
  /** What NATS refuses without an answer: a message that may not be published hears none. */
  readonly refusals: Refusals;
  /** Called with `true` when the stream has been claimed, and with `false` when the claim may be lost. Only its holder answers edges. */
  readonly claimed: (isOurs: boolean) => void;
}

/**
 * Publishes the origin's history to the stream, in order and as fast as NATS accepts it. Every failure has the same remedy: ask the stream
 * for its last message, and continue after it. {@link nextState} says when.
 */
export class Publisher {
  #state: PublisherState = IDLE;
  #window: PublishWindow | undefined;
  #outbox: Outbox | undefined;
  readonly #turns: TurnLoop;
  #cancelTimer: () => void = () => undefined;
  readonly #check: PeriodicStreamCheck;
  /** Settles {@link start}. */
  #first: { readonly resolve: () => void; readonly reject: (error: RelayTakenError) => void } | undefined;
  /** Why the last claim or message failed. */
  #reason = 'the stream has not been claimed yet';
  readonly #log: PublisherLog;
  #base: BaseUpkeep | undefined;
  readonly bound: MessageBound;
  published = 0;
  claims = 0;
  readonly #failures: { -readonly [Why in keyof PublisherFailures]: number } = { ...NO_FAILURES };

  constructor(private readonly services: PublisherServices) {
    this.#log = new PublisherLog(services.log);
    this.bound = new MessageBound(services.broker, services.log);
    this.#turns = new TurnLoop(services.clock, TURN_MS, (turn) => this.#step(turn));
    this.#check = new PeriodicStreamCheck(services, {
      isPublishing: () => this.#state.at === 'publishing',
      window: () => this.#window,
      baseFrom: () => this.#outbox?.baseFrom,
      takes: (maxMessageBytes) => {
        this.bound.stream(maxMessageBytes);
      },
      incomplete: () => {
        if (this.giveBase()) services.log.warn({}, 'messages were deleted from the stream; all records are sent again');
      },
    });
  }

  get state(): ToldState {
    return toldState(this.#state);
  }

  get failures(): PublisherFailures {
    return this.#failures;
  }

  /** Why nothing is published, without addresses, processes and paths; `undefined` while it is. */
  get why(): string | undefined {
    return whyNot(this.state, this.#reason);
  }

  /** The sequence of the last message that the stream has acknowledged; 0 before the first. */
  get sequence(): number {
    return this.#window?.answered ?? 0;
  }

  /** Events that NATS does not have yet. */
  get waiting(): Waiting {
    return waitingIn(this.services.source, this.#window?.position);
  }

  /**
   * Claims the stream, however long that takes, and publishes from then on. Returns without a claim if the publisher is stopped.
   * @throws RelayTakenError if another origin publishes. Only an origin that has published before waits until that one has ended.
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#happens({ is: 'started' });
    });
  }

  /** Called when there are new events. */
  wake(): void {
    if (this.#state.at === 'publishing') this.#turns.request();
  }

  /** Called when the connection to NATS has broken. What NATS has stored is asked when it is back. */
  disconnected(): void {
    this.#window?.fail(new PublishError('away', 'the connection to NATS broke'));
  }

  /** Called when the connection to NATS is back. */
  reconnected(): void {
    this.#happens({ is: 'connected' });
  }

  /** Called when another origin says that it is alive. */
  heardAnother(): void {
    this.#check.soon();
  }

  /** Sends a new base, unless one is being sent. */
  refreshBase(): void {
    if (!this.#outbox || this.#outbox.isSendingBase()) return;
    this.#outbox.wantBase();
    this.wake();
  }

  /** Sends a new base for an edge that has found none, unless the last one is new. @returns whether it does. */
  giveBase(): boolean {
    if (this.#base?.grant() !== true) return false;
    this.refreshBase();
    return true;
  }

  /** Begins a new base if the stream may soon delete messages of the current one. To be called periodically. */
  tendBase(): void {
    const { baseFrom } = this.#outbox ?? {};
    if (!this.#window || baseFrom === undefined || this.#outbox!.isSendingBase()) return;
    const isDue = this.#base!.isDue(this.#window.next - baseFrom, this.services.source.store.size);
    if (isDue) this.refreshBase();
  }

  stop(): void {
    this.#happens({ is: 'stopped' });
  }

  // ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #happens(event: PublisherEvent): void {
    const before = this.#state;
    const state = nextState(before, event);
    if (state === before) return;
    this.#state = state;
    if (isWaiting(state)) this.#failures[state.at]++;
    if (before.at === 'publishing' && state.at !== 'publishing') this.services.claimed(false);
    this.#tell(toldState(before), toldState(state));
    if (before.at !== 'publishing' || state.at !== 'publishing') this.#enter(state);
  }

  /** Does what a state asks for. */
  #enter(state: PublisherState): void {
    this.#cancelTimer();
    this.#check.stop();
    switch (state.at) {
      case 'idle':
        return;
      case 'claiming':
        void this.#claim(state);
        return;
      case 'publishing':
        this.#check.start();
        this.services.claimed(true);
        this.#first?.resolve();
        this.wake();
        return;
      case 'away':
      case 'refused':
      case 'taken':
        this.#cancelTimer = this.services.clock.after(state.timerMs, () => {
          this.#happens({ is: 'timer' });
        });
        return;
      case 'stopped':
        this.#turns.stop();
        this.#window?.close();
        this.#first?.resolve();
        return;
    }
  }

  #tell(before: ToldState, state: ToldState): void {
    if (state === before && !isWaiting(this.#state)) return;
    const fields = { stream: this.services.names.stream, sequence: this.sequence, behind: this.waiting.behind };
    this.#log.tell(state, this.#reason, fields);
  }

  async #claim(claiming: PublisherState): Promise<void> {
    // The connection may have been made again meanwhile, and the claim with it.
    const isThis = (): boolean => this.#state === claiming;
    try {
      const claimed = await claimStream(this.services, this.#sent);
      if (isThis()) this.#begin(claimed);
    } catch (error) {
      if (!isThis()) return;
      this.#reason = (error as Error).message;
      if (error instanceof RelayTakenError) {
        if (!claiming.hasPublished) this.#first?.reject(error);
        this.#fails('taken');
      } else this.#fails(error instanceof StreamRefusedError ? 'refused' : 'failed');
    }
  }

  /** The messages that were sent since the last claim. Every later message in the stream is another process's. */
  get #sent(): SentMessages | undefined {
    const revision = this.#outbox?.revision;
    const window = this.#window;
    if (!window || revision === undefined) return undefined;
    return { answered: window.answered, position: window.position, last: window.next - 1, revision };
  }

  #begin({ sequence, position, baseAgeMs, stream }: Claimed): void {
    const { broker, names, clock, identity, source, limits } = this.services;
    this.claims++;
    // An earlier process may have left out the data of records.
    if (this.claims === 1 && position) void findCut(this.services, this.bound);
    this.bound.stream(stream.maxMessageBytes);
    this.#outbox = new Outbox(names, identity.origin, source, position, () => this.bound.bytes);
    this.#base = new BaseUpkeep(limits, clock, stream.bytes, baseAgeMs);
    this.#window = new PublishWindow(broker, clock, sequence, position, {
      advanced: () => {
        this.wake();
      },
      failed: ({ why, message }) => {
        const refusal = why === 'away' ? this.services.refusals.recent : undefined;
        this.#reason = refusal ?? message;
        this.#fails(why === 'refused' || refusal !== undefined ? 'refused' : 'failed');
      },
    });
    this.#happens({ is: 'claimed' });
  }

  #fails(is: 'failed' | 'refused' | 'taken'): void {
    this.#happens({ is, random: this.services.random(1)[0]! / 256 });
  }

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns whether there is more to send at once. */
  #step(turn: Turn): boolean {
    if (this.#state.at !== 'publishing') return false;
    try {
      return this.#send(turn);
    } catch (error) {
      this.#window!.fail(new PublishError('refused', (error as Error).message));
      return false;
    }
  }

  #send(turn: Turn): boolean {
    const [window, outbox, base] = [this.#window!, this.#outbox!, this.#base!];
    const { source, log } = this.services;
    for (let sent = 1; this.#state.at === 'publishing' && window.hasRoom; sent++) {
      const wasSendingBase = outbox.isSendingBase();
      const outgoing = outbox.next(window.next);
      if (!outgoing) {
        if (window.isSettled) this.#happens({ is: 'settled' });
        break;
      }
      if (!wasSendingBase && outbox.isSendingBase()) base.begins();
      else if (wasSendingBase && !outbox.isSendingBase()) base.ends(source.store.size, log);
      base.sent(outgoing);
      this.bound.sent(outgoing);
      window.send(this.#sealed(outgoing, window.next));
      this.published++;
      if (sent % LOOK_EVERY === 0 && turn.isSpent()) return true;
    }
    return false;
  }

  #sealed(outgoing: Outgoing, sequence: number): Outgoing {
    const { seal } = this.services;
    return seal ? { ...outgoing, payload: seal.seal(outgoing.subject, sequence, outgoing.payload) } : outgoing;
  }
}
