import { createHash } from 'node:crypto';
import type { Kind, RecordData } from '../../../protocol/index.js';

/** What an agent does to the repository. */
export interface DemoRepository {
  /** Writes a record as Muse does: renamed in from a temporary file, or for heartbeats in place. */
  write(kind: Kind, id: string, data: RecordData): void;
  remove(kind: Kind, id: string): void;
}

/** An id as Muse makes them: of the content. */
export function contentId(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}
