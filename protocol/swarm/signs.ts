import { recordKey } from '../records/record-name.js';
import type { UnixMillis } from '../brand.js';
import type { Kind } from '../records/kinds.js';
import { FieldReader } from './fields.js';
import { readabilityOf, type SwarmRecord } from './swarm-record.js';

/** What a record says about the run that wrote it. */
export interface Sign {
  readonly run: string | undefined;
  readonly branch: string | undefined;
  /** The latest time at which the record says that its run was at work. */
  readonly saidAt: UnixMillis | undefined;
}

const SIGN_TIMES = ['last_beat_at', 'released_at', 'claimed_at', 'completed_at', 'updated_at', 'created_at'] as const;

function readSign(record: SwarmRecord): Sign {
  if (readabilityOf(record) === 'none') return { run: undefined, branch: undefined, saidAt: undefined };
  const fields = new FieldReader(record.data);
  let saidAt: Sign['saidAt'];
  for (const field of SIGN_TIMES) {
    const time = fields.time(field);
    if (time !== undefined && time > (saidAt ?? -Infinity)) saidAt = time;
  }
  return { run: fields.text('run_id', 'claimed_by'), branch: fields.branch(), saidAt };
}

/** The signs of all records. A record is read when agents are next asked for: most models are never asked for them. */
export class Signs {
  readonly #unread = new Map<string, SwarmRecord>();
  readonly #read = new Map<string, Sign>();

  put(record: SwarmRecord): void {
    this.#unread.set(recordKey(record.kind, record.id), record);
  }

  drop(kind: Kind, id: string): void {
    const key = recordKey(kind, id);
    this.#unread.delete(key);
    this.#read.delete(key);
  }

  all(): Iterable<Sign> {
    for (const [key, record] of this.#unread) this.#read.set(key, readSign(record));
    this.#unread.clear();
    return this.#read.values();
  }
}
