import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Broker } from './broker.js';
import { LossReason } from './loss-reason.js';
import { Refusals } from './refusals.js';

export interface ContactEvents {
  lost(): void;
  /** It was lost, and is back. */
  back(): void;
}

/** What an origin or an edge knows of its connection to NATS, and why there is none. */
export class BrokerContact {
  /** How often NATS was found again after it was lost. */
  reconnects = 0;
  readonly refusals: Refusals;
  readonly #loss: LossReason;
  #state: 'never' | 'up' | 'lost' = 'never';
  #unreached: string | undefined;

  constructor(connect: () => Promise<Pick<Broker, 'close'>>, services: { readonly clock: Clock; readonly log: Log }) {
    this.refusals = new Refusals(services.clock, services.log);
    this.#loss = new LossReason(connect, services);
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Why NATS is not reached, without addresses; `undefined` while it is, or before an attempt has failed. */
  get why(): string | undefined {
    if (this.#state === 'never') return this.#unreached;
    if (this.#state === 'up') return undefined;
    const { why } = this.#loss;
    return why === undefined ? 'NATS is lost' : `NATS is lost (${why})`;
  }

  /** Notes why NATS has not been reached yet. */
  unreached(why: string): void {
    this.#unreached = why;
  }

  /** Notes that NATS has been reached, and what becomes of the connection from now on. */
  begins(broker: Pick<Broker, 'watchConnection'>, { lost, back }: ContactEvents): void {
    this.#state = 'up';
    broker.watchConnection(
      (state) => {
        if (state === 'back') {
          if (this.#state === 'lost') this.reconnects++;
          this.#state = 'up';
          this.#loss.over();
          this.refusals.over();
          back();
        } else if (this.#state !== 'lost') {
          this.#state = 'lost';
          this.#loss.lost();
          lost();
        }
      },
      (why) => {
        this.refusals.note(why);
      },
    );
  }

  stop(): void {
    this.#loss.over();
  }
}
