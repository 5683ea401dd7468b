import type { Limits } from '../config/options.js';

/** A bound of its own, because an inspection costs the server more time than any other message. */
const MAX_INSPECTIONS_PER_SECOND = 50;

/** Counts what a connection sends per second. Each method returns the limit that is exceeded; `undefined` if none is. */
export class MessageRates {
  /** When the present second of counting began, in milliseconds. */
  #windowStart = 0;
  #messages = 0;
  #inspections = 0;
  #controls = 0;

  constructor(private readonly limits: Pick<Limits, 'maxMessagesPerSecond' | 'maxControlFramesPerSecond'>) {}

  /** Counts a message. */
  message(now: number): string | undefined {
    this.#beginWindow(now);
    const most = this.limits.maxMessagesPerSecond;
    return ++this.#messages <= most ? undefined : `${String(most)} messages a second (max_messages_per_second)`;
  }

  /** Counts a ping or a pong. */
  control(now: number): string | undefined {
    this.#beginWindow(now);
    const most = this.limits.maxControlFramesPerSecond;
    if (++this.#controls <= most) return undefined;
    return `${String(most)} pings and pongs a second (max_control_frames_per_second)`;
  }

  /** Counts a request for an inspection, which {@link message} has counted as a message too. */
  inspection(): string | undefined {
    const most = MAX_INSPECTIONS_PER_SECOND;
    return ++this.#inspections <= most ? undefined : `${String(most)} inspections a second`;
  }

  #beginWindow(now: number): void {
    if (now - this.#windowStart < 1_000) return;
    this.#windowStart = now;
    this.#messages = 0;
    this.#inspections = 0;
    this.#controls = 0;
  }
}
