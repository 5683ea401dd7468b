import type { UnixMillis } from '../brand.js';
import type { Address, AddressContext } from './address.js';
import { FieldReader, type FieldProblem } from './fields.js';
import { endOf, isHeld, type Lease, type LeaseTable } from './leases.js';
import { isHistory, isUnseen, type Moment } from './moment.js';
import { overlap } from './overlap.js';
import { readabilityOf, type SwarmRecord } from './swarm-record.js';

export interface IntentFacts {
  readonly id: string;
  /** The name of the reservation that the intent belongs to. Muse gives none by default. */
  readonly reservationName: string | undefined;
  readonly run: string | undefined;
  readonly branch: string | undefined;
  readonly addresses: readonly Address[];
  readonly operation: string | undefined;
  readonly detail: string | undefined;
  readonly createdAt: UnixMillis | undefined;
  readonly problems: readonly FieldProblem[];
}

/**
 * `open`: a held lease protects the intent. `unprotected`: no lease does. `done`: the work is over, `because` its reservation was released,
 * has lapsed or is gone, or because the intent is history.
 */
export type IntentState =
  | { readonly is: 'open'; readonly lease: Lease }
  | { readonly is: 'unprotected' }
  | { readonly is: 'done'; readonly because: 'released' | 'lapsed' | 'gone' | 'history' };

export interface Intent extends IntentFacts {
  readonly state: IntentState;
}

/** Reads an intent. @returns `undefined` for a file that was read but is not a record. */
export function readIntent(record: SwarmRecord, context?: AddressContext): IntentFacts | undefined {
  const readability = readabilityOf(record);
  if (readability === 'none') return undefined;
  const fields = new FieldReader(record.data, context);
  const facts = {
    id: record.id,
    reservationName: fields.text('reservation_id'),
    run: fields.text('run_id'),
    branch: fields.branch(),
    addresses: fields.addresses(true),
    operation: fields.text('operation'),
    detail: fields.text('detail'),
    createdAt: fields.time('created_at'),
  };
  return { ...facts, problems: readability === 'readable' ? fields.problems : [] };
}

/** @param leases the leases of the reservation that the intent names; if it names none, all leases of its run. */
function intentState(intent: IntentFacts, leases: readonly Lease[], moment: Moment): IntentState {
  const related = intent.reservationName === undefined ? leases.filter((lease) => concerns(lease, intent)) : leases;
  const held = related.find(isHeld);
  if (held) return { is: 'open', lease: held };
  if (isUnseen(moment, 'reservation')) return { is: 'unprotected' };
  if (related.length > 0) {
    return { is: 'done', because: related.some(({ state }) => state === 'released') ? 'released' : 'lapsed' };
  }
  if (intent.reservationName !== undefined) return { is: 'done', because: 'gone' };
  return isHistory(intent.createdAt, moment) ? { is: 'done', because: 'history' } : { is: 'unprotected' };
}

/** Adds the state of an intent. An intent that names no reservation is protected by the leases of its run. */
export function withState(
  intent: IntentFacts,
  leases: LeaseTable,
  reservationsByRun: ReadonlyMap<string | undefined, ReadonlySet<string>>,
  leaseOf: (id: string) => Lease | undefined,
  moment: Moment,
): Intent {
  const { reservationName, run } = intent;
  const ids = reservationName === undefined ? (reservationsByRun.get(run) ?? []) : leases.named(reservationName);
  const related = [...ids].map((id) => leaseOf(id)!);
  return { ...intent, state: intentState(intent, related, moment) };
}

/** Whether a lease is on an address of the intent and had not ended when the intent was announced. */
function concerns(lease: Lease, { addresses, createdAt }: IntentFacts): boolean {
  const end = endOf(lease);
  if (end !== undefined && createdAt !== undefined && end < createdAt) return false;
  return lease.addresses.some((held) => addresses.some((wanted) => overlap(held, wanted)));
}

/** Returns what a run does, in words: its own, or the operation and the first address. */
export function describeIntent({ detail, operation, addresses }: IntentFacts): string | undefined {
  if (detail !== undefined) return detail;
  if (operation === undefined) return undefined;
  const [first] = addresses;
  return first === undefined ? operation : `${operation} ${first.text}`;
}
