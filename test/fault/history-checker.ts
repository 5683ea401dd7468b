import { Violation, type Circumstances, type ClientHistory, type Operation, type Rule } from './client-history.js';
import { ClientHistoryCheck } from './client-history-check.js';
import { OperationLog } from './operation-log.js';
import { Revisions } from './revisions.js';
import { Oracle } from './oracle.js';

/** The input of a check: the operations, and what each client received. */
export interface Evidence extends Partial<Circumstances> {
  readonly histories: readonly ClientHistory[];
  readonly operations: readonly Operation[];
  /** Whether each client had received everything when its history ends. */
  readonly isSettled: boolean;
}

export type Verdict =
  | { readonly holds: true; readonly histories: number; readonly events: number; readonly marks: number }
  | {
      readonly holds: false;
      readonly rule: Rule;
      readonly history: string;
      /** Index of the entry that breaks the rule; the number of entries where only the end is wrong. */
      readonly entry: number;
      readonly why: string;
    };

/**
 * Checks the contract from outside: order, uniqueness, completeness, resumption, bookmarks, filter transitions and caps. It knows
 * the wire, and nothing of the server. It learns what happened from the operations, and from the histories of the clients that
 * subscribed to everything, where their revisions have no gap.
 */
export function checkHistories(evidence: Evidence): Verdict {
  const { histories, operations, isSettled } = evidence;
  const { isSilent = () => false, gapAfter = () => undefined, writerOf = () => 'the server' } = evidence;
  const oracle = new Oracle(histories, isSilent);
  const log = new OperationLog(operations);
  const revisions = new Revisions();
  let events = 0;
  let marks = 0;
  for (const history of histories) {
    const check = new ClientHistoryCheck(history, oracle, log, revisions, { isSilent, gapAfter, writerOf });
    let entry = 0;
    try {
      for (; entry < history.entries.length; entry++) check.take(history.entries[entry]!);
      if (isSettled) check.settled();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { holds: false, rule: error.rule, history: history.name, entry, why: error.message };
    }
    events += check.events;
    marks += check.marks;
  }
  return { holds: true, histories: histories.length, events, marks };
}
