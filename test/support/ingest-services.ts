import type { Kind } from '../../protocol/index.js';
import type { Clock } from '../../server/index.js';
import { silentLog } from '../../server/runtime/log.js';
import { RecordStore } from '../../server/store/record-store.js';
import { IgnoredFiles } from '../../server/watch/ignored-files.js';
import type { IngestServices } from '../../server/watch/ingest-services.js';
import type { Reading, RecordReader } from '../../server/watch/record-reader.js';
import { Warnings } from '../../server/watch/warnings.js';

/** The settle time of {@link ingestServices}. */
export const SETTLE_MS = 200;

/**
 * The services of an ingest whose directories can all be seen, and whose hints are complete.
 * @param read what a reading of a file finds.
 * @param given what differs.
 */
export function ingestServices(
  clock: Clock,
  read: (kind: Kind, id: string) => Reading,
  given: Partial<IngestServices> = {},
): IngestServices {
  const warnings = new Warnings(silentLog);
  return {
    store: new RecordStore(),
    reader: { read } as unknown as RecordReader,
    clock,
    ignored: new IgnoredFiles(warnings, 256),
    warnings,
    settleMs: SETTLE_MS,
    publish: () => undefined,
    rescan: () => Promise.resolve(true),
    admits: () => true,
    folds: () => false,
    listedName: () => undefined,
    seen: (kinds) => new Set(kinds),
    known: (kinds) => new Set(kinds),
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    hintsSuffice: () => true,
    reconcileSoon: () => undefined,
    ...given,
  };
}
