import type { Clock } from '../runtime/clock.js';
import type { Nats } from './nats.js';
import type { Outgoing } from './outbox.js';

/** Messages that may be on their way without an answer. */
const WINDOW = 1_024;
/** Bytes that may be. */
const WINDOW_BYTES = 4_194_304;
/** No answer for so long means that there will be none. */
const PATIENCE_MS = 5_000;

/** JetStream's word for another sequence than the one expected: somebody else has published. */
const WRONG_SEQUENCE = 10_071;

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
  readonly #inbox: string;
  readonly #unsubscribe: () => void;
  /** Bytes of each message that has not been answered. */
  readonly #waiting: number[] = [];
  #waitingBytes = 0;
  #answered: number;
  #sent: number;
  #failure: PublishError | undefined;
  #cancelPatience: (() => void) | undefined;

  /** @param last the sequence of the stream's last message. */
  constructor(
    private readonly nats: Nats,
    private readonly clock: Clock,
    last: number,
    private readonly events: WindowEvents,
  ) {
    this.#answered = last;
    this.#sent = last;
    const { connection, transport } = nats;
    this.#inbox = transport.createInbox();
    const subscription = connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error) this.fail(new PublishError('refused', error.message));
        else this.#answer(message);
      },
    });
    this.#unsubscribe = () => {
      subscription.unsubscribe();
    };
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
    const { connection, transport } = this.nats;
    const headers = transport.headers();
    headers.set('Nats-Expected-Last-Sequence', String(this.#sent));
    if (messageId !== undefined) headers.set('Nats-Msg-Id', messageId);
    this.#sent++;
    this.#waiting.push(payload.length);
    this.#waitingBytes += payload.length;
    if (this.#waiting.length === 1) this.#beginPatience();
    try {
      connection.publish(subject, payload, { headers, reply: this.#inbox });
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
    this.#unsubscribe();
  }

  #answer(message: { readonly headers?: { readonly code: number } | undefined; string(): string }): void {
    if (this.#failure) return;
    if ((message.headers?.code ?? 0) >= 400) {
      this.fail(new PublishError('away', 'JetStream does not answer: is it enabled?'));
      return;
    }
    const { seq, error } = JSON.parse(message.string()) as Acknowledgement;
    if (error) {
      const why = error.err_code === WRONG_SEQUENCE ? 'sequence' : 'refused';
      this.fail(new PublishError(why, error.description));
      return;
    }
    if (seq !== this.#answered + 1) {
      // A message that it has already: it was published by a window before this one, whose answer was lost.
      this.fail(new PublishError('sequence', `expected sequence ${String(this.#answered + 1)}, got ${String(seq)}`));
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

interface Acknowledgement {
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description: string };
}
