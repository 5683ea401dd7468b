import { KINDS, type Kind, type Observed } from '../../protocol/index.js';
import { delay, type Clock } from '../runtime/clock.js';
import { sameSignature, type Signature } from '../store/change.js';
import type { RecordVersion } from '../store/record-version.js';
import type { StoreEvent } from '../store/store-event.js';
import type { CheckedDirectories } from './checked-directories.js';
import { namesIn } from './directory-names.js';
import { isRacy } from './directory-scan.js';
import { readFileName } from './file-name.js';
import { applyContained, readContained, type ContainmentServices } from './record-containment.js';
import { signatureAt, unreadable } from './record-reader.js';
import { warnOfUnreadable } from './record-warnings.js';
import type { Warnings } from './warnings.js';

/** The pause between attempts to read files that are being written while the server starts. */
const RETRY_MS = 20;

/** The parts that load the records of the directories into a store before anything is published. */
export interface LoadServices extends ContainmentServices {
  readonly directories: CheckedDirectories;
  readonly clock: Clock;
  readonly settleMs: number;
  readonly maxIdBytes: number;
  readonly warnings: Warnings;
  /** Notes that a kind's directory cannot be listed: its records in the store stay as they are. */
  cannotList(kind: Kind): void;
}

/**
 * Reads into the store, in canonical order, each record whose file may differ from the store: all of them if the store is
 * empty. A half-written file is given the settle time. A file that is still broken then is loaded as broken, so that the first
 * snapshot is complete.
 * @param observed `restart` if the store holds the records of an earlier run.
 * @returns the events since that run.
 */
export async function loadRecords(services: LoadServices, observed: Observed): Promise<StoreEvent[]> {
  const { clock, settleMs } = services;
  const events: StoreEvent[] = [];
  const giveUpAt = clock.elapsed() + settleMs;
  let unread = KINDS.flatMap((kind) => toRead(services, kind));
  for (;;) {
    const isLast = clock.elapsed() >= giveUpAt;
    unread = unread.filter((file) => !take(services, file, isLast, observed, events));
    if (unread.length === 0 || isLast) return events;
    await delay(clock, RETRY_MS);
  }
}

/** A file to be read. */
interface Unread {
  readonly kind: Kind;
  readonly id: string;
  /** Whether its directory could be listed: else it counts only for what it says. */
  readonly isListed: boolean;
}

/** @returns whether the file needs no further attempt. */
function take(
  services: LoadServices,
  { kind, id, isListed }: Unread,
  isLast: boolean,
  observed: Observed,
  events: StoreEvent[],
): boolean {
  const reading = readContained(services, kind, id);
  // The directory was replaced: its next comparison will find the record.
  if (reading.is === 'unseen') return true;
  if (!isListed && reading.is !== 'present') return true;
  if ((reading.is === 'unavailable' || reading.is === 'broken') && !isLast) return false;
  if (reading.is === 'unavailable') warnOfUnreadable(services.warnings, reading);
  const change = reading.is === 'unavailable' ? unreadable(reading) : reading;
  for (const event of applyContained(services, change, services.clock.now(), observed)) events.push(event);
  return true;
}

/**
 * The files that may differ from the store, and those that the store has and the directory has not. Where the directory cannot be listed, all
 * that the store has: a client may have been shown a later state of one before the server was killed.
 */
function toRead({ store, directories, maxIdBytes, cannotList }: LoadServices, kind: Kind): Unread[] {
  const present = idsIn(directories, kind, maxIdBytes);
  if (!present) {
    cannotList(kind);
    return [...store.ids(kind)].sort().map((id) => ({ kind, id, isListed: false }));
  }
  const differing = [...present].filter((id) =>
    mayDiffer(store.get(kind, id), () => signatureAt(directories.files, directories.file(kind, id))),
  );
  for (const id of store.ids(kind)) if (!present.has(id)) differing.push(id);
  return differing.sort().map((id) => ({ kind, id, isListed: true }));
}

function mayDiffer(known: RecordVersion | undefined, signature: () => Signature | undefined): boolean {
  return known === undefined || !sameSignature(known.signature, signature()) || isRacy(known);
}

function idsIn(directories: CheckedDirectories, kind: Kind, maxIdBytes: number): Set<string> | undefined {
  const ids = new Set<string>();
  try {
    for (const name of namesIn(directories.files, directories.path(kind))) {
      const reading = readFileName(name, maxIdBytes);
      if (reading.is === 'record') ids.add(reading.id);
    }
  } catch {
    return undefined;
  }
  return ids;
}
