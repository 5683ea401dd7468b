import type { Clock } from '../runtime/clock.js';
import type { StoreEvent } from '../store/store-event.js';
import { checkUndeleted, findBase, readHistory, StateBuilder, type StreamState } from './cold-start.js';
import type { FeedSource, Positioned } from './stream-feed.js';

/** A base, or the events before it, of which nothing comes for so long will not come. */
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
  #closeHistory: () => void = () => undefined;

  constructor(private readonly services: RebuildServices) {}

  /**
   * @param open opens a feed of the last message of each subject, and passes on what it sends.
   * @throws NoBaseError if the stream holds nothing to begin with; Error if the attempt is abandoned, or nothing comes.
   */
  async run(open: (take: (positioned: Positioned) => void) => Promise<void>): Promise<Rebuilt> {
    const { services } = this;
    const { from, created } = await findBase(services);
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    if (this.#isOver) this.abandon();
    else this.#watch();
    try {
      const state = await Promise.race([failed, this.#build(new StateBuilder(from), open)]);
      // What was deleted since the base was looked up is missing in the state, and a record's only message leaves no gap.
      await Promise.race([failed, checkUndeleted(services, from)]);
      return { created, state, history: await Promise.race([failed, this.#readHistory(state)]) };
    } finally {
      this.#isOver = true;
      this.#cancelWatch();
      this.#closeHistory();
    }
  }

  abandon(): void {
    this.#isOver = true;
    this.#fail(new Error('interrupted'));
  }

  async #build(
    builder: StateBuilder,
    open: (take: (positioned: Positioned) => void) => Promise<void>,
  ): Promise<StreamState> {
    let isBuilt = false;
    await new Promise<void>((resolve, reject) => {
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
    });
    return builder.build();
  }

  #readHistory(state: StreamState): Promise<readonly StoreEvent[]> {
    const { services } = this;
    return readHistory(services, state, services.historyMessages, {
      opened: (feed) => {
        this.#closeHistory = () => {
          feed.close();
        };
        if (this.#isOver) feed.close();
      },
      taken: () => {
        this.#taken++;
      },
    });
  }

  #watch(): void {
    const before = this.#taken;
    this.#cancelWatch = this.services.clock.after(SILENCE_MS, () => {
      if (this.#taken > before) this.#watch();
      else this.#fail(new Error('the stream sends nothing'));
    });
  }
}
