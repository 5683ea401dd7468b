import { formatSince } from '../model/format.js';
import { moment } from '../page/times.js';
import { nowMs } from '../page/state.js';
import type { LeaseTermPaint } from '../worker/paint.js';
import { PlaceLink } from './link.js';
import { untilWords } from './wait-line.js';

/** When a lease ends, both relative and absolute, and which record says so. */
export function LeaseTerm({ term }: { term: LeaseTermPaint }) {
  const { state, endMs, writtenEndMs, extendedBy, sinceBeatMs } = term;
  if (state === 'none') return null;
  return (
    <p class="lease-term">
      {state === 'released' ? 'released; it would have been held ' : ''}
      {untilWords(endMs, state, nowMs.value)}
      {extendedBy === undefined ? (
        <span class="muted"> by its own expires_at</span>
      ) : (
        <span class="muted">
          {' '}
          by <PlaceLink to={{ view: 'stream', target: { type: 'record', key: extendedBy } }}>a heartbeat</PlaceLink>
          {writtenEndMs === undefined ? '' : `; its own expires_at is ${moment(writtenEndMs)}`}
        </span>
      )}
      <span class="muted">
        {sinceBeatMs === undefined ? ' · no heartbeat' : ` · last heartbeat ${formatSince(sinceBeatMs)}`}
      </span>
    </p>
  );
}
