import { compileFilter, formatCursor, type Filter, type Holders, type UnixMillis } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { Hub } from './hub.js';

const MOST = 1_000;

/** The reservations that match and whose leases stand at `now`: neither expired nor released. */
export function findHolders({ store, epoch, revision }: Hub, filter: Filter, now: UnixMillis): Holders {
  const matcher = compileFilter(filter);
  const held = [...store.all('reservation')].filter(
    (version) => matcher.matches(version.matchable) && holds(store.leases.state(version.id)) && isOn(version),
  );
  // A lease that has run out but has not been declared expired holds nothing any more.
  function isOn({ id }: RecordVersion): boolean {
    return (store.leases.effectiveExpiry(id) ?? Infinity) > now;
  }
  return {
    now,
    cursor: formatCursor({ epoch, revision }),
    total: held.length,
    holders: held.slice(0, MOST).map(({ id, matchable: { runId, branch, addresses } }) => ({
      id,
      run_id: runId ?? null,
      branch: branch ?? null,
      addresses,
      expires_ms: store.leases.effectiveExpiry(id) ?? null,
    })),
  };
}

/** Active, or without a time that can be read, and so without an end. */
const holds = (state: string | undefined): boolean => state === 'active' || state === 'none';
