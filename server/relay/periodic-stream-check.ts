import { every, type Clock } from '../runtime/clock.js';
import type { Broker } from './broker.js';
import { checkStream } from './check-stream.js';
import { PublishError, type PublishWindow } from './publish-window.js';
import type { RelayNames } from './relay-names.js';

/** The interval at which a publisher looks whether the stream is still as it has left it. One that sends nothing hears of no change. */
const CHECK_MS = 10_000;
/** A look that another origin's heartbeat asks for follows the last one no sooner. */
const CHECK_AGAIN_MS = 1_000;

/** What a publisher has sent, and what it is told. */
export interface CheckedPublisher {
  isPublishing(): boolean;
  /** Fails if the stream was changed. */
  window(): PublishWindow | undefined;
  /** The sequence of the first message of the base; `undefined` while a base is being sent. */
  baseFrom(): number | undefined;
  /** Called with the largest message that the stream takes. An administrator may change it. */
  takes(maxMessageBytes: number | undefined): void;
  /** Called when messages of the base are gone. */
  incomplete(): void;
}

/** Looks from time to time whether the stream is as its origin has left it. */
export class PeriodicStreamCheck {
  #cancelTimer: () => void = () => undefined;
  #checkedAt = -Infinity;

  constructor(
    private readonly services: { readonly broker: Broker; readonly names: RelayNames; readonly clock: Clock },
    private readonly publisher: CheckedPublisher,
  ) {}

  start(): void {
    this.#cancelTimer = every(this.services.clock, CHECK_MS, () => {
      void this.#check();
    });
  }

  stop(): void {
    this.#cancelTimer();
  }

  /** Looks now, unless it has just looked. */
  soon(): void {
    if (this.services.clock.elapsed() - this.#checkedAt > CHECK_AGAIN_MS) void this.#check();
  }

  async #check(): Promise<void> {
    const { publisher } = this;
    const window = publisher.window();
    if (!publisher.isPublishing() || !window) return;
    const { broker, names, clock } = this.services;
    this.#checkedAt = clock.elapsed();
    const { answered } = window;
    // A window that waits for an answer hears by that what has become of the stream.
    const isStill = (): boolean => publisher.window() === window && window.isSettled && window.answered === answered;
    if (!isStill()) return;
    const found = await checkStream(broker, names, answered, publisher.baseFrom());
    if (!isStill()) return;
    if (found.is === 'unknown') return;
    if (found.is === 'changed') {
      window.fail(new PublishError(found.why, found.message));
      return;
    }
    publisher.takes(found.maxMessageBytes);
    if (found.is === 'incomplete') publisher.incomplete();
  }
}
