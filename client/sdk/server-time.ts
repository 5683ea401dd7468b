import { elapsedOf, type ClientClock } from './clock.js';

/** The server's wall clock, as it was last heard. */
export class ServerTime {
  /** It less each of the clocks here; `undefined` until it is heard. */
  #ahead: { readonly wallMs: number; readonly elapsedMs: number } | undefined;

  constructor(private readonly clock: ClientClock) {}

  /** @returns by how much the server's wall clock is ahead of the one here. */
  heard(serverNow: number): number {
    const { clock } = this;
    const wallMs = serverNow - clock.now();
    this.#ahead = { wallMs, elapsedMs: serverNow - elapsedOf(clock) };
    return wallMs;
  }

  /**
   * As last heard, and as much later as it is here since. By which of the clocks here is not known until it is heard again: they
   * differ where the wall clock is set, which is the server's where both are on one host. The earlier counts, by which leases hold
   * for longer.
   */
  now(): number {
    const { clock } = this;
    const known = this.#ahead;
    if (!known) return clock.now();
    return Math.floor(Math.min(clock.now() + known.wallMs, elapsedOf(clock) + known.elapsedMs));
  }
}
