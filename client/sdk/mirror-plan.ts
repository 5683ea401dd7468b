import {
  LEASE_KINDS,
  isGlob,
  matchable,
  readFilter,
  type Filter,
  type FilterInput,
  type Followed,
} from '../../protocol/index.js';
import type { StandingRecord } from './record-view.js';

/** What a mirror subscribes to, and which of these records it shows. */
export interface MirrorPlan {
  readonly filter: FilterInput;
  /** Whether a record is shown; absent if all are. */
  readonly shows?: (record: StandingRecord, followed: Followed | undefined) => boolean;
  /** The filter of a second subscription, for leases. Present if only the server can decide which records match the user's filter. */
  readonly leases?: FilterInput;
}

/**
 * Returns the plan for a filter. Records and leases share one subscription, so that both are always of one moment. Its filter has only the
 * kinds of both; the mirror follows the other matching records too, but does not show them. A filter by globs or by event types can only be
 * applied by the server: it gets a subscription of its own.
 */
export function planOf(input: FilterInput, followsLeases: boolean): MirrorPlan {
  const filter = readFilter(input);
  if (!followsLeases || includesLeases(filter)) return { filter };
  const isLeftToServer = filter.event_types !== undefined || filter.addresses?.some(isGlob) === true;
  if (isLeftToServer) return { filter, leases: { kinds: LEASE_KINDS } };
  const kinds = filter.kinds && [...new Set([...filter.kinds, ...LEASE_KINDS])];
  return { filter: kinds ? { kinds } : {}, shows: (record, followed) => passes(filter, record, followed) };
}

function includesLeases({ kinds, ...others }: Filter): boolean {
  const asksMore = Object.keys(others).length > 0;
  return !asksMore && (kinds === undefined || LEASE_KINDS.every((kind) => kinds.includes(kind)));
}

function passes(filter: Filter, { kind, id, data }: StandingRecord, followed: Followed | undefined): boolean {
  const { kinds, ids, run_ids, branches, addresses } = filter;
  const record = matchable(kind, id, data, followed);
  return (
    (kinds?.includes(kind) ?? true) &&
    (ids?.includes(id) ?? true) &&
    isAmong(run_ids, record.runId) &&
    isAmong(branches, record.branch) &&
    (addresses === undefined || record.addresses.some((own) => addresses.includes(own)))
  );
}

const isAmong = (wanted: readonly string[] | undefined, value: string | undefined): boolean =>
  wanted === undefined || (value !== undefined && wanted.includes(value));
