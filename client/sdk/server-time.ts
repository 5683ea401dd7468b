import { elapsedOf, type ClientClock } from './clock.js';

/** An estimate of the server's wall clock, from the last message that had its time. */
export class ServerTime {
  /** The server's time minus each of this host's two clocks, in milliseconds; `undefined` before the first message. */
  #ahead: { readonly wallMs: number; readonly elapsedMs: number } | undefined;

  constructor(private readonly clock: ClientClock) {}

  /** @param serverNow Unix milliseconds. @returns the server's wall clock minus this host's, in milliseconds. */
  heard(serverNow: number): number {
    const { clock } = this;
    const wallMs = serverNow - clock.now();
    this.#ahead = { wallMs, elapsedMs: serverNow - elapsedOf(clock) };
    return wallMs;
  }

  /**
   * Returns the server's last time plus the time that has passed on this host since, Unix milliseconds. The host's two clocks disagree
   * after its wall clock was set. Which of them the server's clock follows is not known until the next message: on the same host the wall
   * clock is the server's own. The earlier result counts, because then leases hold longer.
   */
  now(): number {
    const { clock } = this;
    const known = this.#ahead;
    if (!known) return clock.now();
    return Math.floor(Math.min(clock.now() + known.wallMs, elapsedOf(clock) + known.elapsedMs));
  }
}
