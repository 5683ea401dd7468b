import { every, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Broker } from './broker.js';
import type { MessageBound } from './message-bound.js';

/** The interval at which a new connection is asked, while something does not fit. */
const LOOK_MS = 60_000;

export interface PayloadLimitServices {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Log;
  readonly bound: Pick<MessageBound, 'isTooSmall'>;
}

/**
 * Notices that NATS accepts larger messages than it did when its connection was made. An open connection is not told when `max_payload` is
 * raised by a reload, and its client sends nothing larger than it was told.
 */
export class PayloadLimit {
  #cancelTimer: () => void = () => undefined;
  #isStopped = false;

  constructor(
    private readonly connect: () => Promise<Broker>,
    private readonly services: PayloadLimitServices,
  ) {}

  start(): void {
    const { clock, bound } = this.services;
    this.#cancelTimer = every(clock, LOOK_MS, () => {
      if (bound.isTooSmall) void this.#look();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  async #look(): Promise<void> {
    const { broker, log } = this.services;
    try {
      const second = await this.connect();
      const { maxPayloadBytes: most = 0 } = second;
      await second.close();
      if (this.#isStopped || most <= (broker.maxPayloadBytes ?? Infinity)) return;
      log.info({ max_payload: most }, 'NATS accepts larger messages than before; connecting again to send them');
      broker.reconnect();
    } catch {
      // NATS cannot be reached, or allows no further connection: the next look is in a minute.
    }
  }
}
