import type { Limits } from '../config/options.js';

/** Answering takes longer than any other message: so many in a second are enough for whoever looks. */
const MAX_INSPECTIONS_PER_SECOND = 50;

/** What a connection sends, by the second. Each count says what there was too much of; `undefined` while there was not. */
export class MessageRates {
  /** The second in which messages are being counted. */
  #windowStart = 0;
  #messages = 0;
  #inspections = 0;
  #controls = 0;

  constructor(private readonly limits: Pick<Limits, 'maxMessagesPerSecond' | 'maxControlFramesPerSecond'>) {}

  message(now: number): string | undefined {
    this.#beginWindow(now);
    const most = this.limits.maxMessagesPerSecond;
    return ++this.#messages <= most ? undefined : `${String(most)} messages a second (max_messages_per_second)`;
  }

  /** A ping or a pong. */
  control(now: number): string | undefined {
    this.#beginWindow(now);
    const most = this.limits.maxControlFramesPerSecond;
    if (++this.#controls <= most) return undefined;
    return `${String(most)} pings and pongs a second (max_control_frames_per_second)`;
  }

  /** A message, counted as that, asks for an inspection. */
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
