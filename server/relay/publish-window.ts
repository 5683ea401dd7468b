import type { Clock } from '../runtime/clock.js';
import type { Broker, Receipt, Sender } from './broker.js';
import type { Outgoing } from './outbox.js';

/** Messages that may be on their way without an answer. */
const WINDOW = 1_024;
/** Bytes that may be. */
const WINDOW_BYTES = 4_194_304;
/** No answer for so long means that there will be none. */
const PATIENCE_MS = 5_000;

/** What ended a window. `sequence`: the stream has another last message than was expected. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  constructor(
    readonly why: 'sequence' | 'away' | 'refused',
    message: string,
  ) {
    super(message);
  }
}

export interface WindowEvents {
  /** There is room again, or everything has been answered. */
  advanced(): void;
  /** Nothing more can be sent through this window; what became of the rest the stream knows. */
  failed(error: PublishError): void;
}

/**
 * Publishes messages one after the other without waiting for each, every one under the condition that it becomes the
 * next of the stream: where one is refused, so are all after it, and no hole can come to be.
 */
export class PublishWindow {
  readonly #sender: Sender;
  readonly #claimed: number;
  /** Bytes of each message that has not been answered. */
  readonly #waiting: number[] = [];
  #waitingBytes = 0;
  #answered: number;
  #sent: number;
  #failure: PublishError | undefined;
  #cancelPatience: (() => void) | undefined;

  /** @param last the sequence of the stream's last message. */
  constructor(
    broker: Broker,
    private readonly clock: Clock,
    last: number,
    private readonly events: WindowEvents,
  ) {
    this.#claimed = last;
    this.#answered = last;
    this.#sent = last;
    this.#sender = broker.sender({
      receipt: (receipt) => {
        this.#receive(receipt);
      },
      failed: ({ message }) => {
        this.fail(new PublishError('refused', message));
      },
    });
  }

  /** The last sequence that is known to be one of its own, or of the claim before it. */
  get answered(): number {
    return this.#answered;
  }

  /** The sequence that the next message will have. */
  get next(): number {
    return this.#sent + 1;
  }

  get hasRoom(): boolean {
    return this.#failure === undefined && this.#waiting.length < WINDOW && this.#waitingBytes < WINDOW_BYTES;
  }

  get isSettled(): boolean {
    return this.#waiting.length === 0;
  }

  send({ subject, payload, messageId }: Outgoing): void {
    const expectedLast = this.#sent++;
    // What is sent again after another claim is wanted again, whatever the stream remembers of it.
    const id = messageId === undefined ? undefined : `${messageId}@${String(this.#claimed)}`;
    this.#waiting.push(payload.length);
    this.#waitingBytes += payload.length;
    if (this.#waiting.length === 1) this.#beginPatience();
    try {
      this.#sender.send({ subject, payload, expectedLast, messageId: id });
    } catch (error) {
      this.fail(new PublishError('refused', (error as Error).message));
    }
  }

  /** Ends the window; what has not been answered may or may not be in the stream. */
  fail(error: PublishError): void {
    if (this.#failure) return;
    this.close();
    this.#failure = error;
    this.events.failed(error);
  }

  close(): void {
    this.#failure ??= new PublishError('away', 'closed');
    this.#cancelPatience?.();
    this.#sender.close();
  }

  #receive(receipt: Receipt): void {
    if (this.#failure) return;
    switch (receipt.is) {
      case 'unheard':
        this.fail(new PublishError('away', 'JetStream does not answer: is it enabled?'));
        return;
      case 'wrong-sequence':
        this.fail(new PublishError('sequence', receipt.description));
        return;
      case 'refused':
        this.fail(new PublishError('refused', receipt.description));
        return;
      case 'stored':
        this.#stored(receipt.sequence);
        return;
    }
  }

  #stored(sequence: number): void {
    const expected = this.#answered + 1;
    if (sequence !== expected) {
      // It knows the message from elsewhere, or an answer was lost.
      this.fail(new PublishError('sequence', `expected sequence ${String(expected)}, got ${String(sequence)}`));
      return;
    }
    this.#answered++;
    this.#waitingBytes -= this.#waiting.shift()!;
    this.#cancelPatience?.();
    if (this.#waiting.length > 0) this.#beginPatience();
    if (this.#waiting.length === 0 || this.#waiting.length === WINDOW / 2) this.events.advanced();
  }

  #beginPatience(): void {
    this.#cancelPatience = this.clock.after(PATIENCE_MS, () => {
      this.fail(new PublishError('away', `no answer for ${String(PATIENCE_MS)} ms`));
    });
  }
}
