import type { Clock } from '../../runtime/clock.js';
import type { Turn } from '../../runtime/turn-loop.js';
import { TurnQueue } from '../../runtime/turn-queue.js';

/** One turn of the loop serves those who are written to for at most this long, all together. */
const TURN_MS = 3;

/** A long answer, written piece by piece. */
export interface LongAnswer {
  /** Writes a piece. @returns whether another one can follow now. */
  writePiece(turn: Turn): boolean;
}

/** The long answers of a server, which share the time for writing. */
export type LongAnswers = TurnQueue<LongAnswer>;

export function longAnswers(clock: Clock): LongAnswers {
  return new TurnQueue(clock, TURN_MS, (answer, turn) => answer.writePiece(turn));
}
