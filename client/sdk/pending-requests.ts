import type { BusError } from './bus-error.js';

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

  /** @param write the message, with the number by which its answer will be known. */
  ask(write: (nonce: number) => Message): {
    readonly nonce: number;
    readonly message: Message;
    readonly answer: Promise<unknown>;
  } {
    const nonce = this.#nextNonce++;
    const message = write(nonce);
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#open.set(nonce, { message, resolve, reject });
    });
    return { nonce, message, answer };
  }

  /** The messages that have no answer, in the order in which they were asked. */
  get unanswered(): readonly Message[] {
    return [...this.#open.values()].map(({ message }) => message);
  }

  answer(nonce: number, answer: unknown): void {
    this.#take(nonce)?.resolve(answer);
  }

  fail(nonce: number, error: BusError): void {
    this.#take(nonce)?.reject(error);
  }

  /** Nobody waits for the answer any more. */
  forget(nonce: number): void {
    this.#open.delete(nonce);
  }

  failAll(error: BusError): void {
    for (const nonce of [...this.#open.keys()]) this.fail(nonce, error);
  }

  #take(nonce: number): Question | undefined {
    const question = this.#open.get(nonce);
    this.#open.delete(nonce);
    return question;
  }
}
