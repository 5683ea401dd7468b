import type { Kind } from '../../protocol/index.js';
import type { StoreEvent } from '../store/store-event.js';
import type { IgnoredFiles } from './ignored-files.js';
import type { SettledReaderServices } from './settled-reader.js';

/** What the intake of files asks of the watch, the store and delivery. */
export interface IngestServices extends SettledReaderServices {
  readonly ignored: IgnoredFiles;
  /** Whether there is room for a record. */
  admits(kind: Kind, id: string): boolean;
  /** Publishes the events of one turn. `waitedMs`: how long the first hint that led to them had waited. */
  publish(events: readonly StoreEvent[], waitedMs: number | undefined): void;
  /** Compares a directory with the store and gives a hint for each difference. @returns whether the directory could be seen. */
  rescan(kind: Kind): Promise<boolean>;
  /** Those of some kinds whose directory is known to be absent, or is the one that was checked and can be listed. Checks this now. */
  seen(kinds: readonly Kind[]): ReadonlySet<Kind>;
  /** Those of which, in addition, every change has been read, or has caused a hint that is pending or will arrive. */
  known(kinds: readonly Kind[]): ReadonlySet<Kind>;
  /** Whether another spelling of a record's name finds its file, in another case or normal form. */
  folds(kind: Kind, id: string): boolean;
  /** The name by which the directory lists the file of an id; `undefined` if only a listing can tell. */
  listedName(kind: Kind, id: string): string | undefined;
  /** Checks which directories are at the paths now. */
  verifyDirectories(): void;
  /** Whether the watcher, as far as is known, gives a hint at once for each file that this system changes. */
  hintsAreComplete(): boolean;
  /** Whether, up to now, hints have reported all changes in the directories of these kinds, from all writers. */
  hintsSuffice(kinds: readonly Kind[]): boolean;
  /** Requests a comparison of all directories soon, because hints may have been lost. */
  reconcileSoon(why: string): void;
}
