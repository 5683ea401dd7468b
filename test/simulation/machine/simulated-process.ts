import { unixMillis, type UnixMillis } from '../../../protocol/index.js';
import type { Clock } from '../../../server/runtime/clock.js';
import type { SimulatedTime } from './simulated-time.js';

/** The time at which every simulated world begins: 2026-03-30T15:00:00Z. */
export const WORLD_START_MS = Date.UTC(2026, 2, 30, 15);

/** A machine. Its wall clock can be set, and all processes on it use that clock. */
export class SimulatedHost {
  /** The error of the wall clock, milliseconds. */
  wallOffsetMs = 0;
  /** Changes with each start of the machine. */
  boot = 'boot-1';

  constructor(readonly time: SimulatedTime) {}

  wall(): number {
    return WORLD_START_MS + this.time.now + this.wallOffsetMs;
  }

  iso(fromNowMs = 0): string {
    return new Date(this.wall() + fromNowMs).toISOString();
  }
}

type Phase = 'timers' | 'input' | 'turns';
const PHASES: readonly Phase[] = ['timers', 'input', 'turns'];

interface Due {
  readonly at: number;
  readonly phase: Phase;
  readonly call: () => void;
}

/** The time between the starts of two turns of a busy loop. */
const TURN_MS = 0.02;

/**
 * A process with one event loop. It can be stopped and continued, kept busy, and killed. What becomes due while it cannot run is
 * done when it can run again, in the order of Node's loop: timers, then input, then turns.
 */
export class SimulatedProcess implements Clock {
  #held: Due[] = [];
  #stops = 0;
  #busyUntil = 0;
  #isWaking = false;
  #isDead = false;
  /** How much the clock advances at each reading, to simulate long work. */
  lookCostMs = 0;
  /** The time that the current task has used. */
  #spentMs = 0;

  constructor(
    readonly name: string,
    readonly host: SimulatedHost,
    /** Called with an error that a task threw and nothing caught: a real process would have ended. */
    private readonly crashed: (process: SimulatedProcess, error: unknown) => void,
  ) {}

  get isDead(): boolean {
    return this.#isDead;
  }

  get isStopped(): boolean {
    return this.#stops > 0;
  }

  now(): UnixMillis {
    return unixMillis(Math.floor(this.host.wall() + this.#spentMs));
  }

  elapsed(): number {
    this.#spentMs += this.lookCostMs;
    return this.host.time.now + this.#spentMs;
  }

  after(delayMs: number, call: () => void): () => void {
    // Node's timers count whole milliseconds, and fire no earlier.
    return this.#in(Math.max(1, Math.ceil(delayMs)), 'timers', call);
  }

  nextTurn(call: () => void): () => void {
    return this.#in(TURN_MS, 'turns', call);
  }

  /** Delivers input from outside after a delay. */
  input(delayMs: number, call: () => void): () => void {
    return this.#in(delayMs, 'input', call);
  }

  /** Stops the process until {@link goOn} has been called once for each stop. */
  stop(): void {
    this.#stops++;
  }

  goOn(): void {
    if (this.#stops > 0 && --this.#stops === 0) this.#wake(0);
  }

  /** Blocks the event loop for a time. */
  keepBusy(ms: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.host.time.now + ms);
  }

  /** Kills the process between two instructions: nothing more of it runs. */
  kill(): void {
    this.#isDead = true;
    this.#held = [];
  }

  #in(delayMs: number, phase: Phase, call: () => void): () => void {
    const spentMs = this.#spentMs;
    let isCancelled = false;
    const due: Due = { at: this.host.time.now + spentMs + delayMs, phase, call: () => !isCancelled && call() };
    const cancel = this.host.time.after(spentMs + delayMs, () => {
      this.#due(due);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  #due(due: Due): void {
    if (this.#isDead) return;
    if (this.#stops > 0 || this.#busyUntil > this.host.time.now || this.#held.length > 0) {
      this.#held.push(due);
      if (this.#stops === 0) this.#wake(Math.max(0, this.#busyUntil - this.host.time.now));
      return;
    }
    this.#run(due.call);
  }

  #wake(delayMs: number): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.host.time.after(delayMs, () => {
      this.#isWaking = false;
      this.#runNext();
    });
  }

  /** Runs one held task. Each runs in a call of its own, so that promises continue in between. */
  #runNext(): void {
    if (this.#isDead || this.#stops > 0) return;
    const leftMs = this.#busyUntil - this.host.time.now;
    if (leftMs > 0) {
      this.#wake(leftMs);
      return;
    }
    const phase = PHASES.find((each) => this.#held.some((due) => due.phase === each));
    if (phase === undefined) return;
    let first: Due | undefined;
    for (const due of this.#held) if (due.phase === phase && (!first || due.at < first.at)) first = due;
    this.#held.splice(this.#held.indexOf(first!), 1);
    if (this.#held.length > 0) this.#wake(0);
    this.#run(first!.call);
  }

  #run(call: () => void): void {
    this.#spentMs = 0;
    try {
      call();
    } catch (error) {
      this.crashed(this, error);
    }
    if (this.#spentMs > 0) this.keepBusy(this.#spentMs);
    this.#spentMs = 0;
  }
}
