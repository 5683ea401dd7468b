import { isOfContent, isUnknown, type Problem } from '../records/problem.js';
import type { Kind } from '../records/kinds.js';
import type { RecordData } from '../records/record.js';

/** A record as a surface has it: of a mirror, a store, an event, a line of HTTP. */
export interface SwarmRecord {
  readonly kind: Kind;
  readonly id: string;
  /** What was last read. */
  readonly data: RecordData;
  /** Why the file cannot be read as a record, where it cannot. */
  readonly problem?: Problem | undefined;
}

/** `unreadable`: there, but nobody can say what it says now. `none`: read, and no record. */
export type Readability = 'readable' | 'unreadable' | 'none';

export function readabilityOf({ problem }: SwarmRecord): Readability {
  if (problem === undefined || isOfContent(problem)) return 'readable';
  // `unprocessable`: it can be read, and the server failed over it, which says as little of it.
  return isUnknown(problem) ? 'unreadable' : 'none';
}
