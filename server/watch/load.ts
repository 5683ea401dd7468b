import { readdirSync } from 'node:fs';
import { KINDS, type Kind } from '../../protocol/index.js';
import type { Clock } from '../clock.js';
import type { RecordStore } from '../store/record-store.js';
import type { CoordinationDir } from './coordination-dir.js';
import type { RecordReader } from './record-reader.js';
import { readRecordName } from './record-name.js';

/** Between attempts at files that are being written while the server starts. */
const RETRY_MS = 20;

/**
 * Reads every record into the store, in canonical order. A file that is half-written is given the settle time; what is
 * broken after it is taken in as broken, so that the first snapshot lacks nothing.
 */
export async function loadRecords(
  store: RecordStore,
  reader: RecordReader,
  dir: CoordinationDir,
  clock: Clock,
  settleMs: number,
  maxIdBytes: number,
): Promise<void> {
  const giveUpAt = clock.elapsed() + settleMs;
  let broken = KINDS.flatMap((kind) => idsIn(dir.of(kind), maxIdBytes).map((id) => ({ kind, id })));
  for (;;) {
    const isLast = clock.elapsed() >= giveUpAt;
    broken = broken.filter(({ kind, id }) => !take(store, reader, clock, kind, id, isLast));
    if (broken.length === 0 || isLast) return;
    await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
  }
}

/** @returns whether the file has had its say. */
function take(
  store: RecordStore,
  reader: RecordReader,
  clock: Clock,
  kind: Kind,
  id: string,
  isLast: boolean,
): boolean {
  const reading = reader.read(kind, id);
  if (reading.is === 'unavailable' || (reading.is === 'broken' && !isLast)) return false;
  store.apply(reading, clock.now());
  return true;
}

function idsIn(path: string, maxIdBytes: number): string[] {
  const ids: string[] = [];
  for (const name of readdirSync(path)) {
    const reading = readRecordName(name, maxIdBytes);
    if (reading.is === 'record') ids.push(reading.id);
  }
  return ids.sort();
}
