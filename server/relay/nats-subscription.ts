import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../runtime/clock.js';
import type { BrokerMessage } from './broker.js';

/** The pause before a refused subscription is tried again. */
const AGAIN_MS = 5_000;

/**
 * A subscription that lasts until it is closed. NATS ends one whose permission is taken away, while the connection stays, and does not say
 * when the permission is given back.
 */
export class NatsSubscription {
  #current: Pick<Subscription, 'unsubscribe'> | undefined;
  #cancel: () => void = () => undefined;

  constructor(
    private readonly connection: Pick<NatsConnection, 'subscribe' | 'isClosed'>,
    private readonly clock: Pick<Clock, 'after'>,
    private readonly subject: string,
    private readonly heard: (message: BrokerMessage) => void,
  ) {
    this.#subscribe();
  }

  close(): void {
    this.#cancel();
    this.#current?.unsubscribe();
  }

  #subscribe(): void {
    if (this.connection.isClosed()) return;
    this.#current = this.connection.subscribe(this.subject, {
      callback: (error, message) => {
        if (!error) {
          this.heard({ data: message.data, respond: (answer) => void message.respond(answer) });
          return;
        }
        this.#current = undefined;
        this.#cancel();
        this.#cancel = this.clock.after(AGAIN_MS, () => {
          this.#subscribe();
        });
      },
    });
  }
}
