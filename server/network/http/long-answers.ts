import type { Clock } from '../../runtime/clock.js';
import type { Turn } from '../../runtime/turn-loop.js';
import { TurnQueue } from '../../runtime/turn-queue.js';

/** How long one turn of the loop may write long answers, all together. */
const TURN_MS = 3;

/** A long answer, written in pieces. */
export interface LongAnswer {
  /** Writes a piece. @returns whether another piece can follow now. */
  writePiece(turn: Turn): boolean;
}

/** The long answers of a server. They share one bound of time per turn. */
export type LongAnswers = TurnQueue<LongAnswer>;

export function longAnswers(clock: Clock): LongAnswers {
  return new TurnQueue(clock, TURN_MS, (answer, turn) => answer.writePiece(turn));
}
