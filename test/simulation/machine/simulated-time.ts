import TinyQueue from 'tinyqueue';

interface Task {
  readonly at: number;
  readonly number: number;
  readonly call: () => void;
  isCancelled: boolean;
}

/**
 * Time that passes only when nothing is left to be done in it. What is to happen is kept in one queue, ordered by its moment
 * and then by when it was asked for; nothing else decides an order, so that a life is the same each time.
 */
export class SimulatedTime {
  readonly #queue = new TinyQueue<Task>([], (a, b) => a.at - b.at || a.number - b.number);
  #now = 0;
  #count = 0;
  /** Called before each thing that happens. */
  onStep: () => void = () => undefined;

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** Things that have happened. */
  get steps(): number {
    return this.#steps;
  }
  #steps = 0;

  /** Calls after so many milliseconds. @returns cancels. */
  after(delayMs: number, call: () => void): () => void {
    const task: Task = { at: this.#now + Math.max(0, delayMs), number: ++this.#count, call, isCancelled: false };
    this.#queue.push(task);
    return () => {
      task.isCancelled = true;
    };
  }

  /**
   * Lets happen what is due until a moment. Between two happenings all promises that can go on do so, in the engine's order.
   * @param isOver asked before each: ends the run early.
   */
  run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          for (;;) {
            const task = this.#queue.peek();
            if (task === undefined || task.at > untilMs || isOver()) {
              if (!isOver()) this.#now = Math.max(this.#now, untilMs);
              resolve();
              return;
            }
            this.#queue.pop();
            if (task.isCancelled) continue;
            this.#now = task.at;
            this.#steps++;
            this.onStep();
            task.call();
            break;
          }
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        // The engine settles its promises before this comes.
        setImmediate(step);
      };
      setImmediate(step);
    });
  }
}
