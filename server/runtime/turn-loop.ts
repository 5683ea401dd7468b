import type { UnixMillis } from '../../protocol/index.js';
import type { Clock } from './clock.js';

/** One turn of the event loop, as those see it who do bounded work in it: when it is, and whether their time is used up. */
export interface Turn {
  /** The wall clock. */
  readonly now: UnixMillis;
  /** Whether its time is used up, at a moment of `Clock.elapsed` or now, which is a look at the clock. */
  isSpent(elapsed?: number): boolean;
}

/**
 * Steps work that must not hold up the event loop: at most one step a turn, and at most `turnMs` in a turn. What waits is in the
 * hands of whoever owns the loop; this only knows whether there is more.
 */
export class TurnLoop {
  #cancelStep: (() => void) | undefined;
  /** The turn that is under way; `undefined` while no time has been used in it. */
  #turn: Turn | undefined;

  constructor(
    private readonly clock: Clock,
    /** What one turn may take; where it changes, it is asked at the beginning of each. */
    private readonly turnMs: number | (() => number),
    /** Works until the turn is spent. @returns whether there is more to do. */
    private readonly step: (turn: Turn) => boolean,
  ) {}

  /** The turn that is under way, for work that does not wait for its step. It has the same time, not its own. */
  current(): Turn {
    if (this.#turn !== undefined) return this.#turn;
    this.#turn = this.#begin();
    this.clock.nextTurn(() => {
      // A step that is scheduled shares this turn's time, and ends the turn.
      if (this.#cancelStep === undefined) this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Asks for a step. Asking twice is asking once. */
  request(): void {
    this.#cancelStep ??= this.clock.nextTurn(() => {
      this.#cancelStep = undefined;
      const turn = this.#turn ?? this.#begin();
      this.#turn = undefined;
      if (this.step(turn)) this.request();
    });
  }

  /** Forgets the step that was asked for. */
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
