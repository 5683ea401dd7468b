import { KINDS, type Kind, type Observed } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import { sameSignature, type Signature } from '../store/change.js';
import type { RecordVersion } from '../store/record-version.js';
import type { StoreEvent } from '../store/store-event.js';
import type { CheckedDirectories } from './checked-directories.js';
import { namesIn } from './directory-names.js';
import { isRacy } from './directory-scan.js';
import { signatureAt, unreadable, type Unavailable } from './record-reader.js';
import { readRecordName } from './record-name.js';
import { readOne, takeIn, type TakeInServices } from './take-in.js';

/** Between attempts at files that are being written while the server starts. */
const RETRY_MS = 20;

/** What is needed to bring a store in step with the directories before anything is published. */
export interface LoadServices extends TakeInServices {
  readonly directories: CheckedDirectories;
  readonly clock: Clock;
  readonly settleMs: number;
  readonly maxIdBytes: number;
  /** A kind's directory could not be listed: what is remembered of it stands. */
  cannotList(kind: Kind): void;
  /** Takes what cannot be read and is taken in as that. */
  sayUnreadable(reading: Unavailable): void;
}

/**
 * Reads into the store, in canonical order, every record that does not look as the store remembers it: all of them where
 * it remembers none. A file that is half-written is given the settle time; what is broken after it is taken in as
 * broken, so that the first snapshot lacks nothing.
 * @param observed `restart` where the store remembers an earlier run.
 * @returns what has changed since.
 */
export async function loadRecords(services: LoadServices, observed: Observed): Promise<StoreEvent[]> {
  const { clock, settleMs } = services;
  const events: StoreEvent[] = [];
  const giveUpAt = clock.elapsed() + settleMs;
  let unread = KINDS.flatMap((kind) => differingIds(services, kind).map((id) => ({ kind, id })));
  for (;;) {
    const isLast = clock.elapsed() >= giveUpAt;
    unread = unread.filter(({ kind, id }) => !take(services, kind, id, isLast, observed, events));
    if (unread.length === 0 || isLast) return events;
    await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
  }
}

/** @returns whether the file has had its say. */
function take(
  services: LoadServices,
  kind: Kind,
  id: string,
  isLast: boolean,
  observed: Observed,
  events: StoreEvent[],
): boolean {
  const reading = readOne(services, kind, id);
  // Of a directory that is another by now, its next comparison will tell.
  if (reading.is === 'unseen') return true;
  if ((reading.is === 'unavailable' || reading.is === 'broken') && !isLast) return false;
  if (reading.is === 'unavailable') services.sayUnreadable(reading);
  const change = reading.is === 'unavailable' ? unreadable(reading) : reading;
  for (const event of takeIn(services, change, services.clock.now(), observed)) events.push(event);
  return true;
}

/** What is in the directory and not as remembered, and what is remembered and not in the directory. */
function differingIds({ store, directories, maxIdBytes, cannotList }: LoadServices, kind: Kind): string[] {
  const present = idsIn(directories, kind, maxIdBytes);
  if (!present) {
    cannotList(kind);
    return [];
  }
  const differing = [...present].filter((id) =>
    mayDiffer(store.get(kind, id), () => signatureAt(directories.files, directories.file(kind, id))),
  );
  for (const id of store.ids(kind)) if (!present.has(id)) differing.push(id);
  return differing.sort();
}

function mayDiffer(known: RecordVersion | undefined, signature: () => Signature | undefined): boolean {
  return known === undefined || !sameSignature(known.signature, signature()) || isRacy(known);
}

function idsIn(directories: CheckedDirectories, kind: Kind, maxIdBytes: number): Set<string> | undefined {
  const ids = new Set<string>();
  try {
    for (const name of namesIn(directories.files, directories.path(kind))) {
      const reading = readRecordName(name, maxIdBytes);
      if (reading.is === 'record') ids.add(reading.id);
    }
  } catch {
    return undefined;
  }
  return ids;
}
