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

/** What the server has been asked and has not answered; where a connection breaks, the next one asks again. */
export class PendingRequests {
  readonly #open = new Map<number, Question>();
  #nextNonce = 1;
  #isServed = false;
  /** Why nothing can be asked any more. */
  #end: BusError | undefined;

  constructor(
    private readonly clock: ClientClock,
    private readonly send: (message: Message) => void,
  ) {}

  /**
   * Asks now, or as soon as there is a connection.
   * @param write the message, with the number by which its answer will be known.
   */
  ask(what: string, write: (nonce: number) => Message, options: AskOptions): Promise<unknown> {
    return within(options, this.clock, what, (signal) => {
      if (this.#end) return Promise.reject(this.#end);
      const nonce = this.#nextNonce++;
      const message = write(nonce);
      // Nobody waits for the answer any more.
      signal.addEventListener('abort', () => this.#open.delete(nonce), { once: true });
      return new Promise((resolve, reject) => {
        this.#open.set(nonce, { message, resolve, reject });
        if (this.#isServed) this.send(message);
      });
    });
  }

  /** A server is there: what has no answer is asked, in the order in which it was. */
  begin(): void {
    this.#isServed = true;
    for (const { message } of this.#open.values()) this.send(message);
  }

  /** The server is gone; another will come. */
  interrupt(): void {
    this.#isServed = false;
  }

  /** No other will come. */
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

  #take(nonce: number): Question | undefined {
    const question = this.#open.get(nonce);
    this.#open.delete(nonce);
    return question;
  }
}
