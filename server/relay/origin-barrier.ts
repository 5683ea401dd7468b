import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Hub } from '../delivery/hub.js';
import type { Question, SyncAnswer } from './origin-relay.js';

/** Between questions to an origin that does not answer. */
const RETRY_MS = 500;

interface Waiter {
  readonly epoch: string;
  readonly revision: number;
  /** What was served here when the origin had answered. */
  readonly served: string;
  /** @param isReached whether what the origin had read is served here; else something else is, and the origin is to be asked again. */
  readonly over: (isReached: boolean) => void;
}

/** A client's barrier at an edge: the origin reads, and its answer's revision has to arrive here. Waits for both. */
export class OriginBarrier {
  /** Questions under way: those that ask the same next are of the same use to both. */
  readonly #next = new Map<string, Promise<void>>();
  readonly #waiters = new Set<Waiter>();
  #isStopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly ask: (question: Question) => Promise<object>,
    private readonly hub: () => Hub,
    /** Told each answer that is reached, before those who wait for it, with when it was asked for and heard by the monotonic clock. */
    private readonly reached: (answer: SyncAnswer, askedAt: number, heardAt: number) => void = () => undefined,
  ) {}

  /** Resolves when what stood on the origin's disk at the call has been published here. */
  async reach(record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void> {
    const key = record ? `${record.kind}/${record.id}` : '';
    // One that is on its way may be answered with what stood before this call; one that is still to be asked may not.
    await (this.#next.get(key) ?? this.#begin(key, record));
  }

  /** More has been published, or another epoch is served. */
  advanced(): void {
    const { epoch, revision } = this.hub();
    for (const waiter of this.#waiters) {
      const isReached = waiter.epoch === epoch && waiter.revision <= revision;
      // What is served may be of an epoch that is over: nothing in it says how the files are now.
      const isElse = waiter.epoch !== epoch && waiter.served !== epoch;
      if (!isReached && !isElse) continue;
      this.#waiters.delete(waiter);
      waiter.over(isReached);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  #begin(key: string, record: { readonly kind: Kind; readonly id: string } | undefined): Promise<void> {
    const asked: Promise<void> = this.#askSoon(key, record, () => {
      if (!this.#next.has(key)) this.#next.set(key, asked);
    });
    this.#next.set(key, asked);
    return asked;
  }

  /** @param join lets others share the question until it is asked. */
  async #askSoon(
    key: string,
    record: { readonly kind: Kind; readonly id: string } | undefined,
    join: () => void,
  ): Promise<void> {
    await new Promise<void>((resolve) => this.clock.nextTurn(resolve));
    while (!this.#isStopped) {
      this.#next.delete(key);
      try {
        const askedAt = this.clock.elapsed();
        const answer = (await this.ask({ ask: 'sync', ...record })) as SyncAnswer;
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
        // The origin is away: what stands on its disk is not known until it is back.
        join();
        await new Promise<void>((resolve) => this.clock.after(RETRY_MS, resolve));
      }
    }
  }
}
