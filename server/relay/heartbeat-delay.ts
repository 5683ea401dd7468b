import type { AliveMessage } from './alive-message.js';

/** Heartbeats of so long are compared, so that clocks of different speed do not matter. */
const COMPARED_MS = 60_000;
const MAX_COMPARED = 256;
/** The most of a silence that counts as a part of that: what comes after a longer one is compared with what came before it. */
const MAX_SILENCE_MS = 5_000;

/**
 * Tells how long heartbeats were on their way, by the monotonic clocks of both ends: a connection that stood still delivers old ones all at
 * once, and what they say was true when they were sent. Pure.
 */
export class HeartbeatDelay {
  #origin = '';
  #heardAt = 0;
  /** How long heartbeats have been heard. */
  #heardMs = 0;
  /** `at`: the time of `#heardMs`. `difference`: by how much the monotonic clock there was ahead of the one here. */
  #compared: readonly { readonly at: number; readonly difference: number }[] = [];

  /**
   * @param at when it was heard, by the monotonic clock here.
   * @returns by how much longer it took than the fastest of a minute of heartbeats, milliseconds; 0 if the origin does not say when it sent it.
   */
  of({ origin, up }: Pick<AliveMessage, 'origin' | 'up'>, at: number): number {
    if (up === undefined) return 0;
    if (origin !== this.#origin) this.#compared = [];
    this.#origin = origin;
    this.#heardMs += Math.min(at - this.#heardAt, MAX_SILENCE_MS);
    this.#heardAt = at;
    const heard = { at: this.#heardMs, difference: up - at };
    const { difference } = heard;
    this.#compared = [...this.#compared, heard].filter((one) => heard.at - one.at <= COMPARED_MS).slice(-MAX_COMPARED);
    return Math.max(...this.#compared.map((one) => one.difference)) - difference;
  }
}
