import { unixMillis, type UnixMillis, type WatchHealth } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { AliveMessage } from './alive-message.js';

/** How many heartbeats in a row may be missed. */
const MISSED = 3;
/** How late a heartbeat may be beyond that. */
const GRACE_MS = 500;
/** The clock difference is taken from the fastest of this many last heartbeats. */
const REMEMBERED = 16;
/** A heartbeat that seems later than this means that the origin's clock was set back. The earlier differences are then wrong. */
const MAX_LATE_MS = 1_000;

/**
 * The state of the origin as an edge knows it from heartbeats: whether it is present, the health of its watch, and its time. It is also a
 * {@link Clock}, because leases are measured by the origin's clock.
 */
export class OriginLiveness implements Clock {
  #last: AliveMessage | undefined;
  #lastAt = 0;
  #origin: string | undefined;
  /** Differences between the origin's wall clock and the monotonic clock here. So the wall clock here does not matter. */
  readonly #offsets: number[] = [];
  #offset: number | undefined;

  /** Heartbeats in a row that counted less than the last one believed. */
  #passedOver = { beat: 0, count: 0 };

  /** @param isSigned whether only what the origin has signed is heard. */
  constructor(
    private readonly clock: Clock,
    private readonly isSigned = true,
  ) {}

  /** The origin's wall clock, estimated from its heartbeats. The wall clock of this host before the first one. */
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

  /** Sets the origin that the stream names. Heartbeats of other origins are ignored. */
  follows(origin: string): void {
    if (this.#origin === origin) return;
    this.#origin = origin;
    if (this.#last?.origin !== origin) this.#forget();
  }

  /** @returns whether it is a heartbeat of the origin that the stream names. */
  heard(message: AliveMessage): boolean {
    if (!this.#isNext(message) && !this.#goesOn(message)) return false;
    this.#passedOver = { beat: 0, count: 0 };
    this.#last = message;
    this.#lastAt = this.clock.elapsed();
    const offset = message.now - this.#lastAt;
    // A clock ahead of the origin's shows leases as ended too early. A clock behind it shows them as held, until the next heartbeat.
    if (this.#offset !== undefined && offset < this.#offset - MAX_LATE_MS) this.#offsets.length = 0;
    this.#offsets.push(offset);
    if (this.#offsets.length > REMEMBERED) this.#offsets.shift();
    // A heartbeat can be late and never early, so the largest difference is that of the fastest one.
    this.#offset = Math.max(...this.#offsets);
    return true;
  }

  /**
   * An answer to a question of this edge is a sign of life that says more: the origin's clock has shown that time at a moment
   * between the question and when it was heard. An edge that was cut off may still believe in a time from before the clock was set
   * back, or in one that was held up on its way, and that all could be seen; the next of the regular signs is waited for by nobody who asks.
   * @returns whether it is an answer of the origin that the stream names.
   */
  answered(message: AliveMessage, askedAt: number, heardAt: number): boolean {
    if (!this.#isNext(message)) return false;
    if (heardAt >= this.#lastAt) {
      this.#last = message;
      this.#lastAt = heardAt;
    }
    const least = message.now - heardAt;
    // It is said in whole milliseconds.
    const most = message.now + 1 - askedAt;
    if (this.#offset !== undefined && this.#offset >= least && this.#offset <= most) return true;
    this.#offset = least;
    this.#offsets.splice(0, Infinity, least);
    return true;
  }

  /** The count of the origin's last heartbeat or answer; 0 before the first, and if it does not count. */
  get beat(): number {
    return this.#last?.beat ?? 0;
  }

  /** Whether the origin that the stream names has sent it, after what was heard before: a copy of an old one proves nothing. */
  #isNext({ origin, beat }: AliveMessage): boolean {
    if (this.#origin !== undefined && origin !== this.#origin) return false;
    return beat === undefined || this.#last?.origin !== origin || beat > this.beat;
  }

  /** Where anybody can count ahead of the origin, heartbeats that go on below that are the origin's. */
  #goesOn({ origin, beat = 0 }: AliveMessage): boolean {
    if (this.isSigned || origin !== this.#last?.origin) return false;
    const before = this.#passedOver;
    this.#passedOver = { beat, count: beat > before.beat ? before.count + 1 : 1 };
    return this.#passedOver.count >= MISSED;
  }

  get isPresent(): boolean {
    const last = this.#last;
    return last !== undefined && this.clock.elapsed() - this.#lastAt <= MISSED * last.alive_ms + GRACE_MS;
  }

  /** The revision in the last heartbeat; 0 before the first one. */
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
