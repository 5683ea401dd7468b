import type { Kind, RecordData } from '../../protocol/index.js';
import { silentLog } from '../../server/runtime/log.js';
import { RecordStore } from '../../server/store/record-store.js';
import type { StoreEvent } from '../../server/store/store-event.js';
import { IgnoredFiles } from '../../server/watch/ignored-files.js';
import { Ingest } from '../../server/watch/ingest.js';
import type { RecordReader } from '../../server/watch/record-reader.js';
import { Warnings } from '../../server/watch/warnings.js';
import type { ManualClock } from './manual-clock.js';

export const SETTLE_MS = 200;

/** An ingest over files in memory. It reads a file only after a hint: from `reserve`, or from a rescan. */
export function ingestOver(clock: ManualClock) {
  const store = new RecordStore();
  const warnings = new Warnings(silentLog);
  const files = new Map<string, RecordData | 'torn'>();
  /** Whether the directories can be read. */
  const sight = { isClear: true };
  const events: StoreEvent[] = [];
  const read = (kind: Kind, id: string) => {
    const data = files.get(`${kind}/${id}`);
    if (!data) return { is: 'absent', kind, id } as const;
    if (data === 'torn') return { is: 'broken', kind, id, problem: 'invalid-json', signature: undefined } as const;
    const signature = { inode: 1, mtimeNs: BigInt(JSON.stringify(data).length), size: 1 };
    return { is: 'present', kind, id, data, signature } as const;
  };
  const ingest: Ingest = new Ingest({
    store,
    reader: { read } as unknown as RecordReader,
    clock,
    ignored: new IgnoredFiles(warnings, 256),
    warnings,
    settleMs: SETTLE_MS,
    publish: (some) => events.push(...some),
    rescan: async (kind) => {
      for (const key of files.keys()) if (key.startsWith(`${kind}/`)) ingest.record(kind, key.slice(kind.length + 1));
      return sight.isClear;
    },
    admits: () => true,
    folds: () => false,
    listedName: () => undefined,
    seen: (kinds) => new Set(sight.isClear ? kinds : []),
    known: (kinds) => new Set(sight.isClear ? kinds : []),
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    hintsSuffice: () => true,
    reconcileSoon: () => undefined,
  });
  ingest.start();
  const write = (kind: Kind, id: string, data: RecordData | 'torn'): void => void files.set(`${kind}/${id}`, data);
  const reserve = async (id: string, ttlMs: number): Promise<void> => {
    write('reservation', id, { reservation_id: id, expires_at: clock.inFuture(ttlMs) });
    ingest.record('reservation', id);
    await turns();
  };
  return {
    ingest,
    write,
    reserve,
    sight,
    expired: () => events.filter(({ type }) => type === 'expired').map((e) => e.record.id),
  };
}

/** Waits for 20 turns of the loop, so that all pending work is done. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  await turns();
}
