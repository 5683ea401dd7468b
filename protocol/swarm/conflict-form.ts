import type { Conflict } from './conflicts.js';

/** A conflict in the form that every surface writes. Null if a record does not say the value. */
export interface ConflictForm {
  readonly type: Conflict['type'];
  /** `collision`: on one branch. `merge-risk`: on several branches. */
  readonly severity: Conflict['severity'];
  readonly confidence: number;
  /** The narrowest of the parties' addresses. */
  readonly address: string;
  /** At least two. Each pair of run and branch occurs once. */
  readonly parties: readonly {
    readonly run_id: string | null;
    readonly branch: string | null;
    /** Id of the party's reservation, or of its intent in an `operation_conflict`. */
    readonly record: string;
    readonly address: string;
    readonly operation: string | null;
  }[];
  /** Whether there are more parties than the list has. */
  readonly has_more: boolean;
}

export function conflictForm({ type, severity, confidence, address, parties, hasMore }: Conflict): ConflictForm {
  return {
    type,
    severity,
    confidence,
    address,
    parties: parties.map(({ run, branch, record, address: own, operation }) => ({
      run_id: run ?? null,
      branch: branch ?? null,
      record,
      address: own,
      operation: operation ?? null,
    })),
    has_more: hasMore,
  };
}
