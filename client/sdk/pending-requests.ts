import { parseCursor } from '../../protocol/index.js';
import { within, type AskOptions } from './ask-options.js';
import { BusError } from './bus-error.js';
import type { ClientClock } from './clock.js';

type Message = readonly unknown[];

interface Question {
  readonly message: Message;
  resolve(answer: unknown): void;
  reject(error: BusError): void;
}

/** The questions that the server has not answered; each new connection asks them again. */
export class PendingRequests {
  readonly #open = new Map<number, Question>();
  #nextNonce = 1;
  #isServed = false;
  /** The error of every call after the client has closed. */
  #end: BusError | undefined;

  constructor(
    private readonly clock: ClientClock,
    private readonly send: (message: Message) => void,
    /** Returns why a message must not be sent; `undefined` if it may. */
    private readonly refusal: (message: Message) => BusError | undefined,
  ) {}

  /**
   * Asks now, or as soon as there is a connection.
   * @param what the name of the call in an error.
   * @param write makes the message with the nonce that its answer will repeat.
   */
  ask(what: string, write: (nonce: number) => Message, options: AskOptions): Promise<unknown> {
    return within(options, this.clock, what, (signal) => {
      if (this.#end) return Promise.reject(this.#end);
      const nonce = this.#nextNonce++;
      const message = write(nonce);
      // After the abort the answer has no receiver.
      signal.addEventListener('abort', () => this.#open.delete(nonce), { once: true });
      return new Promise((resolve, reject) => {
        this.#open.set(nonce, { message, resolve, reject });
        if (this.#isServed) this.#sendTo(nonce, message);
      });
    });
  }

  /** Called when the client is connected: asks every unanswered question, in the order of the calls. */
  begin(): void {
    this.#isServed = true;
    for (const [nonce, { message }] of [...this.#open]) this.#sendTo(nonce, message);
  }

  /** Called when the connection broke and the client reconnects. */
  interrupt(): void {
    this.#isServed = false;
  }

  /** Called when the client closes: every question fails with this error. */
  end(error: BusError): void {
    this.#end = error;
    for (const nonce of [...this.#open.keys()]) this.fail(nonce, error);
  }

  answer(nonce: number, answer: unknown): void {
    this.#take(nonce)?.resolve(answer);
  }

  /** The answer to a barrier. */
  passed(nonce: number, cursor: string): void {
    const parsed = parseCursor(cursor);
    if (parsed) this.answer(nonce, parsed);
    else this.fail(nonce, new BusError('protocol', `no cursor: ${cursor}`, 'update the client or the server'));
  }

  fail(nonce: number, error: BusError): void {
    this.#take(nonce)?.reject(error);
  }

  #sendTo(nonce: number, message: Message): void {
    const refusal = this.refusal(message);
    if (refusal) this.fail(nonce, refusal);
    else this.send(message);
  }

  #take(nonce: number): Question | undefined {
    const question = this.#open.get(nonce);
    this.#open.delete(nonce);
    return question;
  }
}
