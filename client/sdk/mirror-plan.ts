import {
  isGlob,
  matchable,
  readFilter,
  type Filter,
  type FilterInput,
  type Followed,
  type Kind,
} from '../../protocol/index.js';
import type { StandingRecord } from './record-view.js';

/** What decides who holds what. */
export const LEASE_KINDS: readonly Kind[] = ['reservation', 'heartbeat', 'release'];

/** What a mirror subscribes to, and what of it it shows. */
export interface MirrorPlan {
  readonly filter: FilterInput;
  /** Absent where it shows all of it. */
  readonly shows?: (record: StandingRecord, followed: Followed | undefined) => boolean;
  /** A second subscription, where what is shown cannot be told from what is only followed. */
  readonly leases?: FilterInput;
}

/**
 * One subscription for the records and the leases, so that both are always of one moment: it asks for the kinds of both and for
 * nothing else, and what the filter would have left out is followed and not shown. Only a filter by globs or by types of event
 * is left to the server, in a subscription of its own.
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
