import { Violation, type Life, type Operation, type Rule } from './life.js';
import { LifeCheck } from './life-check.js';
import { OperationLog } from './operation-log.js';
import { Revisions } from './revisions.js';
import { Truth } from './truth.js';

/** What is judged: what was done, and what each of the holders saw of it. */
export interface Evidence {
  readonly lives: readonly Life[];
  readonly operations: readonly Operation[];
  /**
   * Revisions at which nothing changed that anybody is shown, such as a heartbeat whose reservation has come to say another branch.
   * @default none
   */
  readonly isSilent?: (epoch: string, revision: number) => boolean;
  /** Whether everybody had been told everything when the record ends. */
  readonly isSettled: boolean;
}

export type Verdict =
  | { readonly holds: true; readonly lives: number; readonly events: number; readonly marks: number }
  | {
      readonly holds: false;
      readonly rule: Rule;
      readonly life: string;
      /** Position in the life's entries; their number where the end itself is wrong. */
      readonly entry: number;
      readonly why: string;
    };

/**
 * Judges the contract from outside: order, uniqueness, completeness, resumability, bookmarks, filter transitions and caps.
 * Knows the wire and nothing of the server. What really happened it takes from those lives that asked for everything,
 * once their revisions are found to have no holes, and from the operations.
 */
export function checkHistory({ lives, operations, isSettled, isSilent = () => false }: Evidence): Verdict {
  const truth = new Truth(lives, isSilent);
  const log = new OperationLog(operations);
  const revisions = new Revisions();
  let events = 0;
  let marks = 0;
  for (const life of lives) {
    const check = new LifeCheck(life, truth, log, revisions, isSilent);
    let entry = 0;
    try {
      for (; entry < life.entries.length; entry++) check.take(life.entries[entry]!);
      if (isSettled) check.settled();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { holds: false, rule: error.rule, life: life.name, entry, why: error.message };
    }
    events += check.events;
    marks += check.marks;
  }
  return { holds: true, lives: lives.length, events, marks };
}
