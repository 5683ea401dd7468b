import { unixMillis, type UnixMillis, type WatchHealth } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { AliveMessage } from './alive-message.js';

/** So many signs of life may be missed. */
const MISSED = 3;
/** What a sign of life may be late beyond that. */
const GRACE_MS = 500;
/** Over so many signs the quickest tells how the clocks differ. */
const REMEMBERED = 16;
/** A sign that seems to be later than that comes from an origin whose clock was set back: what was known of it is wrong. */
const MAX_LATE_MS = 1_000;

/**
 * What an edge knows of its origin between events: whether it lives, how its files are watched, and what time it is
 * there. A clock too: leases are measured by the origin's.
 */
export class OriginLiveness implements Clock {
  #last: AliveMessage | undefined;
  #lastAt = 0;
  #origin: string | undefined;
  /** Of the origin's wall clock from the monotonic one here: it does not matter how the wall clock here is set. */
  readonly #offsets: number[] = [];
  #offset: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** The origin's wall clock, as near as messages tell. */
  now(): UnixMillis {
    return this.#offset === undefined ? this.clock.now() : unixMillis(Math.floor(this.clock.elapsed() + this.#offset));
  }

  elapsed(): number {
    return this.clock.elapsed();
  }

  after(delayMs: number, call: () => void): () => void {
    return this.clock.after(delayMs, call);
  }

  nextTurn(call: () => void): () => void {
    return this.clock.nextTurn(call);
  }

  /** The stream says who publishes; signs of life of anybody else do not count. */
  follows(origin: string): void {
    if (this.#origin === origin) return;
    this.#origin = origin;
    if (this.#last?.origin !== origin) this.#forget();
  }

  heard(message: AliveMessage): void {
    if (this.#origin !== undefined && message.origin !== this.#origin) return;
    this.#last = message;
    this.#lastAt = this.clock.elapsed();
    const offset = message.now - this.#lastAt;
    // Ahead of the origin's clock leases would seem to have ended; behind it they are held for longer, until the next sign.
    if (this.#offset !== undefined && offset < this.#offset - MAX_LATE_MS) this.#offsets.length = 0;
    this.#offsets.push(offset);
    if (this.#offsets.length > REMEMBERED) this.#offsets.shift();
    // A message is never early: the largest difference is that of the quickest.
    this.#offset = Math.max(...this.#offsets);
  }

  /**
   * An answer to a question of this edge is a sign of life that says more: the origin's clock has shown that time at a moment
   * between the question and when it was heard. An edge that was cut off may still believe in a time from before the clock was set
   * back, and that all could be seen; the next of the regular signs is waited for by nobody who asks.
   */
  answered(message: AliveMessage, askedAt: number, heardAt: number): void {
    if (this.#origin !== undefined && message.origin !== this.#origin) return;
    if (heardAt >= this.#lastAt) {
      this.#last = message;
      this.#lastAt = heardAt;
    }
    // It is said in whole milliseconds.
    if (this.#offset !== undefined && this.#offset <= message.now + 1 - askedAt) return;
    this.#offset = message.now - heardAt;
    this.#offsets.splice(0, Infinity, this.#offset);
  }

  get isPresent(): boolean {
    const last = this.#last;
    return last !== undefined && this.clock.elapsed() - this.#lastAt <= MISSED * last.alive_ms + GRACE_MS;
  }

  /** The last revision that the origin has spoken of. */
  get revision(): number {
    return this.#last?.revision ?? 0;
  }

  get health(): WatchHealth {
    const isPresent = this.isPresent;
    const { backend, healthy, last_scan_ms, ...rest } = this.#last?.health ?? {
      backend: 'relay',
      healthy: false,
      last_scan_ms: 0,
    };
    const origin = isPresent ? 'present' : 'away';
    return { backend, healthy: healthy && isPresent, last_scan_ms, ...rest, origin, ...this.#sinceWhen(isPresent) };
  }

  #sinceWhen(isPresent: boolean): { readonly origin_heard_ms?: number } {
    if (isPresent || !this.#last) return {};
    return { origin_heard_ms: Math.round(this.now() - (this.clock.elapsed() - this.#lastAt)) };
  }

  #forget(): void {
    this.#last = undefined;
    this.#offsets.length = 0;
  }
}
