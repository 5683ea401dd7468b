import type { Clock } from '../runtime/clock.js';
import type { Broker, Receipt, Sender } from './broker.js';
import type { Outgoing, StreamPosition } from './outbox.js';

/** How many messages may be without an answer. */
const WINDOW = 1_024;
/** How many bytes may be in messages without an answer. */
const WINDOW_BYTES = 4_194_304;
/** After this time without an answer the window fails. */
const ANSWER_TIMEOUT_MS = 1_500;

/** The reason why a window failed. `sequence`: the stream's last message is not the expected one. */
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
  /** The window has room again, or every message has been answered. */
  advanced(): void;
  /** Nothing more can be sent through this window. Messages without an answer may or may not be in the stream. */
  failed(error: PublishError): void;
}

/**
 * Publishes messages one after the other without waiting for each answer. The stream stores a message only if its last message is the one
 * that was sent before. So if one message is refused, all after it are refused too, even if another process's message has taken its
 * sequence, and no gap can occur.
 */
export class PublishWindow {
  readonly #sender: Sender;
  readonly #claimed: number;
  #lastId: string | undefined;
  /** The messages without an answer, in order. */
  readonly #waiting: { readonly bytes: number; readonly position: StreamPosition }[] = [];
  #waitingBytes = 0;
  #answered: number;
  #sent: number;
  #failure: PublishError | undefined;
  #cancelTimeout: (() => void) | undefined;

  #position: StreamPosition | undefined;

  /**
   * @param last the sequence of the stream's last message.
   * @param position the position that the stream had then.
   */
  constructor(
    broker: Broker,
    private readonly clock: Clock,
    last: number,
    position: StreamPosition | undefined,
    private readonly events: WindowEvents,
  ) {
    this.#claimed = last;
    this.#position = position;
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

  /** The sequence of the last acknowledged message of this window, or of the claim before it. */
  get answered(): number {
    return this.#answered;
  }

  /** The position of the stream after that message. */
  get position(): StreamPosition | undefined {
    return this.#position;
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

  send({ subject, payload, messageId, position }: Outgoing): void {
    const expectedLast = this.#sent++;
    // The claim is part of the id: after a new claim the same event is sent again, and the stream must not take it for a duplicate.
    const id = `${messageId ?? 'base'}@${String(this.#claimed)}.${String(this.#sent)}`;
    const expectedLastId = this.#lastId;
    this.#lastId = id;
    this.#waiting.push({ bytes: payload.length, position });
    this.#waitingBytes += payload.length;
    if (this.#waiting.length === 1) this.#startTimeout();
    try {
      this.#sender.send({ subject, payload, expectedLast, messageId: id, expectedLastId });
    } catch (error) {
      this.fail(new PublishError('refused', (error as Error).message));
    }
  }

  /** Ends the window. Messages without an answer may or may not be in the stream. */
  fail(error: PublishError): void {
    if (this.#failure) return;
    this.close();
    this.#failure = error;
    this.events.failed(error);
  }

  close(): void {
    this.#failure ??= new PublishError('away', 'closed');
    this.#cancelTimeout?.();
    this.#sender.close();
  }

  #receive(receipt: Receipt): void {
    if (this.#failure) return;
    switch (receipt.is) {
      case 'unheard':
        this.fail(
          new PublishError('away', 'no stream takes the messages: was it deleted, or is JetStream not enabled?'),
        );
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
      // The stream has already had this message, or an answer was lost.
      this.fail(new PublishError('sequence', `expected sequence ${String(expected)}, got ${String(sequence)}`));
      return;
    }
    this.#answered++;
    const { bytes, position } = this.#waiting.shift()!;
    this.#waitingBytes -= bytes;
    this.#position = position;
    this.#cancelTimeout?.();
    if (this.#waiting.length > 0) this.#startTimeout();
    if (this.#waiting.length === 0 || this.#waiting.length === WINDOW / 2) this.events.advanced();
  }

  #startTimeout(): void {
    this.#cancelTimeout = this.clock.after(ANSWER_TIMEOUT_MS, () => {
      this.fail(new PublishError('away', `JetStream does not answer for ${String(ANSWER_TIMEOUT_MS)} ms`));
    });
  }
}
