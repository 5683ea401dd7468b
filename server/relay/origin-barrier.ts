import { recordKey, type RecordName } from '../../protocol/index.js';
import { delay, type Clock } from '../runtime/clock.js';
import { StoppedError } from '../runtime/stopped-error.js';
import type { Hub } from '../delivery/hub.js';
import type { SyncAnswer } from './origin-relay.js';

/** The pause before the next question to an origin that did not answer. */
const RETRY_MS = 500;

interface Waiter {
  readonly epoch: string;
  readonly revision: number;
  /** The epoch that this edge served when the origin answered. */
  readonly served: string;
  /** @param isReached whether this edge serves what the origin had read; if not, it serves another epoch and must ask again. */
  readonly over: (isReached: boolean) => void;
}

/** A client's barrier at an edge. It waits until the origin has read its files, and until the revision in its answer arrives here. */
export class OriginBarrier {
  /** Questions that are not sent yet, by record. Calls for the same record share one. */
  readonly #next = new Map<string, Promise<void>>();
  readonly #waiters = new Set<Waiter>();
  #isStopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly ask: (record?: RecordName) => Promise<SyncAnswer>,
    private readonly hub: () => Hub,
    /** Told each answer that is reached, before those who wait for it, with when it was asked for and heard by the monotonic clock. */
    private readonly reached: (answer: SyncAnswer, askedAt: number, heardAt: number) => void = () => undefined,
  ) {}

  /**
   * Resolves when everything that was on the origin's disk at the call has been published here.
   * @throws StoppedError if this edge was stopped before
   */
  async reach(record: RecordName | undefined): Promise<void> {
    const key = record ? recordKey(record.kind, record.id) : '';
    // A question that is already sent may be answered with an older state than that of this call. One that is not sent yet may not.
    await (this.#next.get(key) ?? this.#begin(key, record));
  }

  /** Called when this edge has published more, or serves another epoch. */
  advanced(): void {
    const { epoch, revision } = this.hub();
    for (const waiter of this.#waiters) {
      const isReached = waiter.epoch === epoch && waiter.revision <= revision;
      // While the epoch is still the one of the time of the answer, the answer's epoch may yet arrive. A third epoch proves nothing.
      const isElse = waiter.epoch !== epoch && waiter.served !== epoch;
      if (!isReached && !isElse) continue;
      this.#waiters.delete(waiter);
      waiter.over(isReached);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  #begin(key: string, record: RecordName | undefined): Promise<void> {
    const asked: Promise<void> = this.#askSoon(key, record, () => {
      if (!this.#next.has(key)) this.#next.set(key, asked);
    });
    this.#next.set(key, asked);
    return asked;
  }

  /** @param join lets other calls share the question until it is sent. */
  async #askSoon(key: string, record: RecordName | undefined, join: () => void): Promise<void> {
    await new Promise<void>((resolve) => this.clock.nextTurn(resolve));
    while (!this.#isStopped) {
      this.#next.delete(key);
      try {
        const askedAt = this.clock.elapsed();
        const answer = await this.ask(record);
        const { epoch, revision } = answer;
        const heardAt = this.clock.elapsed();
        const isReached = await new Promise<boolean>((over) => {
          this.#waiters.add({ epoch, revision, served: this.hub().epoch, over });
          this.advanced();
        });
        if (!isReached) continue;
        this.reached(answer, askedAt, heardAt);
        return;
      } catch {
        // The origin does not answer, so the state of its disk is unknown until it does.
        join();
        await delay(this.clock, RETRY_MS);
      }
    }
    throw new StoppedError();
  }
}
