import type { UnixMillis } from '../../protocol/index.js';
import type { Clock } from './clock.js';

/** If the globs of a filter cost more steps than this, {@link Turn.isSpent} is asked at each record that they are matched with. */
export const MAX_CHEAP_COST = 500;

/** One turn of the event loop, for bounded work in it: the time, and whether the time for this work is used up. */
export interface Turn {
  /** The wall clock. */
  readonly now: UnixMillis;
  /** Whether the turn's time is used up at `elapsed`. Without that argument it reads the clock. */
  isSpent(elapsed?: number): boolean;
}

/**
 * Steps work that must not block the event loop: at most one step per turn, and at most `turnMs` in a turn. The owner of the loop keeps the
 * waiting work. The loop knows only whether there is more.
 */
export class TurnLoop {
  #cancelStep: (() => void) | undefined;
  /** The current turn; `undefined` while no time has been used in it. */
  #turn: Turn | undefined;

  constructor(
    private readonly clock: Clock,
    /** The time of one turn. A function is called at the beginning of each turn. */
    private readonly turnMs: number | (() => number),
    /** Works until the turn is spent. @returns whether there is more to do. */
    private readonly step: (turn: Turn) => boolean,
  ) {}

  /** Returns the current turn, for work that is done at once. That work and the step share the turn's time. */
  current(): Turn {
    if (this.#turn !== undefined) return this.#turn;
    this.#turn = this.#begin();
    this.clock.nextTurn(() => {
      // A step that is scheduled shares this turn's time, and ends the turn.
      if (this.#cancelStep === undefined) this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Requests a step. A second request before the step has no effect. */
  request(): void {
    this.#cancelStep ??= this.clock.nextTurn(() => {
      this.#cancelStep = undefined;
      const turn = this.#turn ?? this.#begin();
      this.#turn = undefined;
      if (this.step(turn)) this.request();
    });
  }

  /** Cancels a requested step. */
  stop(): void {
    this.#cancelStep?.();
    this.#cancelStep = undefined;
    this.#turn = undefined;
  }

  #begin(): Turn {
    const { clock } = this;
    const until = clock.elapsed() + (typeof this.turnMs === 'number' ? this.turnMs : this.turnMs());
    return { now: clock.now(), isSpent: (elapsed = clock.elapsed()) => elapsed >= until };
  }
}
