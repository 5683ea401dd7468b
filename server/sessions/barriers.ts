import type { ReceivedState, Heartbeat } from './heartbeat.js';

/** The most barriers that may wait for a client that reads nothing. */
export const MAX_WAITING = 1_000;

const NONE: readonly number[] = [];

/**
 * The barriers of one connection that were reached and are not answered yet. A client judges what was read by the last heartbeat it
 * received, so an answer waits for a heartbeat if the last one would mislead.
 */
export class Barriers {
  /** The nonces of the barriers that wait. Most connections never have one. */
  #waiting: number[] | undefined;

  /** @param received the time and the state of the watch that the client last received. */
  constructor(private received: ReceivedState) {}

  /** Notes that the server has read what the barrier asks for. @returns when to answer. */
  reached(nonce: number, heartbeat: Heartbeat): 'now' | 'after-heartbeat' | 'too-many' {
    if (!heartbeat.corrects(this.received)) return 'now';
    this.#waiting ??= [];
    return this.#waiting.push(nonce) > MAX_WAITING ? 'too-many' : 'after-heartbeat';
  }

  /** Notes that the client was sent a heartbeat. @returns the nonces of the barriers to answer now. */
  sent({ received }: Heartbeat): readonly number[] {
    this.received = received;
    const waiting = this.#waiting ?? NONE;
    this.#waiting = undefined;
    return waiting;
  }
}
