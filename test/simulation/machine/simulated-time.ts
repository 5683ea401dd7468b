import { TaskQueue } from './task-queue.js';

interface Task {
  readonly at: number;
  readonly number: number;
  readonly call: () => void;
  isCancelled: boolean;
}

/** After so many calls the real loop has its turn, which tells of rejections that nobody has caught. */
const STEPS_A_TURN = 64;

/**
 * Time that advances only when everything due now is done. One queue has all future calls, ordered by their time
 * and then by the order of the requests. Nothing else decides an order, so a life is the same each time.
 */
export class SimulatedTime {
  readonly #queue = new TaskQueue<Task>();
  #now = 0;
  #count = 0;
  /** Called before each call of the queue. */
  onStep: () => void = () => undefined;

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** The number of calls that were made. */
  get steps(): number {
    return this.#steps;
  }
  #steps = 0;

  /** Calls after a delay in milliseconds. @returns a function that cancels. */
  after(delayMs: number, call: () => void): () => void {
    const task: Task = { at: this.#now + Math.max(0, delayMs), number: ++this.#count, call, isCancelled: false };
    this.#queue.push(task);
    return () => {
      task.isCancelled = true;
    };
  }

  /**
   * Makes all calls that are due until a moment. Between two calls all settled promises continue, in the engine's order.
   * @param isOver asked before each call; `true` ends the run early.
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
        // The engine runs all promise callbacks before this one.
        if (++sinceRest % STEPS_A_TURN === 0) setImmediate(step);
        else queueMicrotask(afterPromises);
      };
      let sinceRest = 0;
      // A tick runs when no promise callback is left, as a turn of the loop does, without its calls of the system.
      const afterPromises = (): void => {
        process.nextTick(step);
      };
      setImmediate(step);
    });
  }
}
