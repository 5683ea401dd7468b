import { packMessage } from '../protocol/index.js';

/** A record of the bench. It looks like an intent, and has a number that identifies it to a client. */
export interface BenchRecord {
  readonly intent_id: string;
  readonly run_id: string;
  readonly branch: string;
  readonly addresses: readonly string[];
  readonly operation: string;
  readonly created_at: string;
  readonly seq: number;
  readonly detail: string;
}

/** Bytes around the data of a packed event: array, revision, type, kind, id and time. */
const EVENT_HEAD_BYTES = 30;

/** Makes a record. @param bytes the approximate size of the packed event with the record. */
export function benchRecord(id: string, seq: number, bytes = 250): BenchRecord {
  const record = {
    intent_id: id,
    run_id: `run-${String(seq % 50)}`,
    branch: `agent/${String(seq % 20)}`,
    addresses: [`src/module_${String(seq % 97)}.py::function_${String(seq)}`],
    operation: 'modify',
    created_at: '2026-03-30T15:00:00.123Z',
    seq,
    detail: '',
  };
  const missing = bytes - EVENT_HEAD_BYTES - packMessage(record).length;
  return { ...record, detail: 'x'.repeat(Math.max(0, missing)) };
}
