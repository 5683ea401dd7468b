import type { Clock } from '../runtime/clock.js';
import type { StoreEvent } from '../store/store-event.js';
import { checkUndeleted, findBase, readHistory, StateBuilder, type StreamState } from './cold-start.js';
import type { FeedSource, Positioned } from './stream-feed.js';

/** A base of which nothing comes for so long will not come. */
const SILENCE_MS = 10_000;

export interface RebuildServices extends FeedSource {
  readonly clock: Clock;
  readonly historyMessages: number;
}

export interface Rebuilt {
  /** Which stream of this name it was built from. */
  readonly created: string | undefined;
  readonly state: StreamState;
  /** The events that led to it. */
  readonly history: readonly StoreEvent[];
}

/** One attempt to build the current records from a stream. It ends with them or with an error, and never waits for ever. */
export class StreamRebuild {
  /** Messages after the state. */
  readonly later: Positioned[] = [];
  #taken = 0;
  #isOver = false;
  #fail: (error: Error) => void = () => undefined;
  #cancelWatch: () => void = () => undefined;

  constructor(private readonly services: RebuildServices) {}

  /**
   * @param open opens a feed of the last message of each subject, and passes on what it sends.
   * @throws NoBaseError if the stream holds nothing to begin with; Error if the attempt is abandoned, or nothing comes.
   */
  async run(open: (take: (positioned: Positioned) => void) => Promise<void>): Promise<Rebuilt> {
    const { services } = this;
    const { from, created } = await findBase(services);
    const builder = new StateBuilder(from);
    let isBuilt = false;
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      if (this.#isOver) this.abandon();
      else this.#watch();
      open((positioned) => {
        this.#taken++;
        if (isBuilt) {
          this.later.push(positioned);
          return;
        }
        builder.take(positioned);
        if (positioned.pending > 0) return;
        isBuilt = true;
        resolve();
      }).catch(reject);
    }).finally(() => {
      this.#isOver = true;
      this.#cancelWatch();
    });
    const state = builder.build();
    // What was deleted since the base was looked up is missing in the state, and a record's only message leaves no gap.
    await checkUndeleted(services, from);
    return { created, state, history: await readHistory(services, state, services.historyMessages) };
  }

  abandon(): void {
    this.#isOver = true;
    this.#fail(new Error('interrupted'));
  }

  #watch(): void {
    const before = this.#taken;
    this.#cancelWatch = this.services.clock.after(SILENCE_MS, () => {
      if (this.#taken > before) this.#watch();
      else this.#fail(new Error('the stream sends nothing of its base'));
    });
  }
}
