import { isOfContent, isUnknown, type Problem } from '../records/problem.js';
import type { Kind } from '../records/kinds.js';
import type { RecordData } from '../records/record.js';

/** A record as every surface provides it: a mirror, a store, an event, a line of HTTP. */
export interface SwarmRecord {
  readonly kind: Kind;
  readonly id: string;
  /** The last data that was read. */
  readonly data: RecordData;
  /** Why the file cannot be read as a record, if it cannot. */
  readonly problem?: Problem | undefined;
}

/** `unreadable`: the file exists, but its present content is unknown. `none`: the file was read and is not a record. */
export type Readability = 'readable' | 'unreadable' | 'none';

export function readabilityOf({ problem }: SwarmRecord): Readability {
  if (problem === undefined || isOfContent(problem)) return 'readable';
  // `unprocessable` counts as unreadable: the server failed when it handled the record, so its content is as unknown.
  return isUnknown(problem) ? 'unreadable' : 'none';
}
