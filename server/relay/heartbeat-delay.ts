import type { AliveMessage } from './alive-message.js';

/** Heartbeats of so long are compared. A connection that holds messages back for longer is given up before. */
const COMPARED_MS = 60_000;
const MAX_COMPARED = 256;

/**
 * Tells how long heartbeats were on their way, by the monotonic clocks of both ends: a connection that stood still delivers old ones all at
 * once, and what they say was true when they were sent. Pure.
 */
export class HeartbeatDelay {
  #origin = '';
  #compared: { readonly at: number; readonly difference: number }[] = [];

  /**
   * @param at when it was heard, by the monotonic clock here.
   * @returns by how much longer it took than the fastest of the last minute, milliseconds; 0 if the origin does not say when it sent it.
   */
  of({ origin, up }: Pick<AliveMessage, 'origin' | 'up'>, at: number): number {
    if (up === undefined) return 0;
    if (origin !== this.#origin) this.#compared = [];
    this.#origin = origin;
    const difference = up - at;
    this.#compared.push({ at, difference });
    this.#compared = this.#compared.filter((one) => at - one.at <= COMPARED_MS).slice(-MAX_COMPARED);
    return Math.max(...this.#compared.map((one) => one.difference)) - difference;
  }
}
