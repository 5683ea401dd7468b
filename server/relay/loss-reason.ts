import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Broker } from './broker.js';
import { failureName } from './connect-with-retry.js';
import { ReportedReasons } from './reported-reasons.js';

/** A short interruption needs no reason. */
const FIRST_LOOK_MS = 3_000;
const LOOK_AGAIN_MS = 15_000;

/**
 * Finds out why a broker that was lost cannot be reached again. The client of NATS tries, and tells nobody what it meets; of another
 * connection it is told.
 */
export class LossReason {
  #why: string | undefined;
  /** Counts losses and their ends: what a look finds is of its own loss only. */
  #turn = 0;
  readonly #reported = new ReportedReasons();
  #cancel: () => void = () => undefined;

  constructor(
    private readonly connect: () => Promise<Pick<Broker, 'close'>>,
    private readonly services: { readonly clock: Clock; readonly log: Log },
  ) {}

  /** Without addresses, because anybody may read it in `/readyz`; `undefined` if nothing is lost, or the reason is not known. */
  get why(): string | undefined {
    return this.#why;
  }

  lost(): void {
    this.over();
    this.#lookIn(FIRST_LOOK_MS);
  }

  over(): void {
    this.#turn++;
    this.#why = undefined;
    this.#reported.clear();
    this.#cancel();
  }

  #lookIn(ms: number): void {
    this.#cancel = this.services.clock.after(ms, () => {
      this.#lookIn(LOOK_AGAIN_MS);
      void this.#look(this.#turn);
    });
  }

  async #look(turn: number): Promise<void> {
    const found = await this.#attempt();
    if (turn !== this.#turn) return;
    this.#why = found && failureName(found);
    if (found && this.#reported.add(found.message))
      this.services.log.warn({}, `NATS cannot be reached again: ${found.message}`);
  }

  async #attempt(): Promise<Error | undefined> {
    try {
      const second = await this.connect();
      await second.close();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}
