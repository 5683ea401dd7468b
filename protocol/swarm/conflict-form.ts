import type { Conflict } from './conflicts.js';

/** A conflict as every surface writes it. Null where a record does not say. */
export interface ConflictForm {
  readonly type: Conflict['type'];
  /** `collision`: on one branch. `merge-risk`: on several. */
  readonly severity: Conflict['severity'];
  readonly confidence: number;
  /** The narrowest of the addresses. */
  readonly address: string;
  /** At least two, each run and branch once. */
  readonly parties: readonly {
    readonly run_id: string | null;
    readonly branch: string | null;
    /** Id of its reservation, or of its intent in an `operation_conflict`. */
    readonly record: string;
    readonly address: string;
    readonly operation: string | null;
  }[];
  /** Whether there are more parties than are listed. */
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
