import type { Revision } from '../../protocol/index.js';
import type { RecordVersion } from './record-version.js';

/** A current record, and the revision at which its lease last ran out, or 0. */
export interface Standing {
  readonly version: RecordVersion;
  readonly lapsedAt: Revision;
}
