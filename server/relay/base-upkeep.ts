import type { StreamLimits } from '../config/relay-options.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Outgoing } from './outbox.js';

/** Requests for a base are granted no sooner after the last base than this, and each further one twice as late. */
const ASKED_AGAIN_MS = 2_000;
const MAX_ASKED_AGAIN_MS = 60_000;
/** The approximate size of a message in the stream beyond its payload and subject: headers and NATS's own data. */
const OVERHEAD_BYTES = 160;

/** Decides when an origin sends its records again, so that none of them depends on messages that the stream deletes soon. */
export class BaseUpkeep {
  /** Bytes in the stream since its base began. */
  #bytes: number;
  /** When the base began, by the monotonic clock: the wall clock may be set. */
  #beganAt: number;
  #pauseMs = ASKED_AGAIN_MS;

  /** @param bytes those of the stream. @param ageMs the age of its base. */
  constructor(
    private readonly limits: StreamLimits,
    private readonly clock: Clock,
    bytes: number,
    ageMs: number,
  ) {
    this.#bytes = bytes;
    this.#beganAt = clock.elapsed() - ageMs;
  }

  begins(): void {
    this.#bytes = 0;
    this.#beganAt = this.clock.elapsed();
  }

  sent({ payload, subject }: Outgoing): void {
    this.#bytes += payload.length + subject.length + OVERHEAD_BYTES;
  }

  /**
   * Grants the request of an edge that has found no base, or not. One with a wrong key asks for ever, and no base helps it, so requests
   * that go on are granted less and less often.
   */
  grant(): boolean {
    const ageMs = this.clock.elapsed() - this.#beganAt;
    if (ageMs > 2 * MAX_ASKED_AGAIN_MS) this.#pauseMs = ASKED_AGAIN_MS;
    if (ageMs <= this.#pauseMs) return false;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_ASKED_AGAIN_MS);
    return true;
  }

  /** Whether the stream may soon delete messages of the base. @param messages those since the base began. */
  isDue(messages: number, records: number): boolean {
    const { maxAgeMs, maxMessages, maxBytes } = this.limits;
    // Without this bound, bases could make up most of the stream.
    const isWorthIt = messages > 2 * records + 16;
    const isOld = this.clock.elapsed() - this.#beganAt > maxAgeMs / 2;
    const isDeep = messages > maxMessages / 2 || this.#bytes > maxBytes / 2;
    return isOld || (isDeep && isWorthIt);
  }

  /** Logs an error if the base fills so much of the stream that the stream deletes it soon after it is complete. */
  ends(records: number, log: Log): void {
    const { maxMessages, maxBytes } = this.limits;
    if (2 * records < maxMessages && 2 * this.#bytes < maxBytes) return;
    log.error(
      { records, bytes: this.#bytes, max_messages: maxMessages, max_bytes: maxBytes },
      'the records alone take half or more of what the stream may hold: raise --relay-max-messages and --relay-max-bytes',
    );
  }
}
