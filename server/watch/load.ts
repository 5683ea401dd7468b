import { readdirSync } from 'node:fs';
import { KINDS, type Kind, type Observed } from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import { sameSignature } from '../store/change.js';
import type { RecordStore } from '../store/record-store.js';
import type { RecordVersion } from '../store/record-version.js';
import type { StoreEvent } from '../store/store-event.js';
import type { CoordinationDir } from './coordination-dir.js';
import { isRacy } from './directory-scan.js';
import { signatureAt, type RecordReader } from './record-reader.js';
import { readRecordName } from './record-name.js';

/** Between attempts at files that are being written while the server starts. */
const RETRY_MS = 20;

/** What is needed to bring a store in step with the directories before anything is published. */
export interface LoadServices {
  readonly store: RecordStore;
  readonly reader: RecordReader;
  readonly dir: CoordinationDir;
  readonly clock: Clock;
  readonly settleMs: number;
  readonly maxIdBytes: number;
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
  { store, reader, clock }: LoadServices,
  kind: Kind,
  id: string,
  isLast: boolean,
  observed: Observed,
  events: StoreEvent[],
): boolean {
  const reading = reader.read(kind, id);
  if (reading.is === 'unavailable' || (reading.is === 'broken' && !isLast)) return false;
  for (const event of store.apply(reading, clock.now(), observed)) events.push(event);
  return true;
}

/** What is in the directory and not as remembered, and what is remembered and not in the directory. */
function differingIds({ store, dir, maxIdBytes }: LoadServices, kind: Kind): string[] {
  const present = new Set(idsIn(dir.of(kind), maxIdBytes));
  const differing = [...present].filter((id) => mayDiffer(store.get(kind, id), dir.file(kind, id)));
  for (const id of store.ids(kind)) if (!present.has(id)) differing.push(id);
  return differing.sort();
}

function mayDiffer(known: RecordVersion | undefined, path: string): boolean {
  return known === undefined || !sameSignature(known.signature, signatureAt(path)) || isRacy(known);
}

function idsIn(path: string, maxIdBytes: number): string[] {
  const ids: string[] = [];
  for (const name of readdirSync(path)) {
    const reading = readRecordName(name, maxIdBytes);
    if (reading.is === 'record') ids.push(reading.id);
  }
  return ids;
}
