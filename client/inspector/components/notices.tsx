import type { Unseen } from '../../sdk/unseen.js';
import { formatSpan, formatCount, plural, skewWords } from '../model/format.js';
import { moment, second } from '../page/times.js';
import type { Unused } from '../model/query.js';
import { VIEW_TITLES } from '../model/view-name.js';
import { visible } from '../model/visible.js';
import { goLive } from '../page/actions.js';
import { send } from '../page/worker-client.js';
import { paint, view } from '../page/state.js';
import { PlaceLink } from './link.js';

/** A smaller difference changes nothing that a person reads. */
const SAID_SKEW_MS = 2_000;

/** Notices about unusual states, above the view. */
export function Notices() {
  const now = paint.value;
  if (!now) return null;
  const { connection, position } = now;
  return (
    <div class="notices">
      {connection.state === 'lost' && now.summary.records > 0 ? (
        <div class="notice bad" role="alert">
          <span>
            <strong>Connection lost.</strong> This page shows the state as of {moment(connection.sinceMs)}; nothing
            after it is known. Reconnecting, attempt {String(connection.attempt)}. Is <code>muse-bus serve</code>{' '}
            running? <span class="muted">{visible(connection.cause, 120)}</span>
          </span>
        </div>
      ) : null}
      {connection.state === 'live' && connection.unseen ? <Outdated unseen={connection.unseen} /> : null}
      {connection.state === 'live' && Math.abs(connection.skewMs) >= SAID_SKEW_MS ? (
        <div class="notice info" role="status">
          {skewWords(connection.skewMs)}
        </div>
      ) : null}
      {connection.state === 'live' && connection.resync ? (
        <div class="notice warn" role="status">
          <span>
            <strong>Resynced at {second(connection.resync.atMs)}</strong> ({resyncWords(connection.resync.reason)}). The
            state is complete; the events in between are missing here.
          </span>
        </div>
      ) : null}
      {connection.state === 'file' ? (
        <div class="notice info" role="status">
          <span>
            <strong>Showing {visible(connection.name, 60)} (offline)</strong>: {plural(connection.events, 'event')}
            {connection.badLines > 0 ? `, ${plural(connection.badLines, 'line')} could not be read` : ''}; the live
            capture goes on.
          </span>
          <button
            onClick={() => {
              send({ type: 'online' });
            }}
          >
            Show the bus
          </button>
        </div>
      ) : null}
      <UnusedFilter unused={now.unused} />
      {position.at === 'held' ? (
        <div class="notice info" role="status">
          <span>
            <strong>Paused at {moment(position.atMs)}</strong>
            {connection.state === 'file'
              ? ''
              : `, ${formatSpan(Math.max(0, now.capture.toMs - position.atMs))} before the latest event`}
            ; {formatCount(position.missed)} new {position.missed === 1 ? 'event' : 'events'}.
          </span>
          <button onClick={goLive}>{connection.state === 'file' ? 'Go to the end' : 'Back to live'}</button>
        </div>
      ) : null}
    </div>
  );
}

/** The bus answers, but does not see all files. */
function Outdated({ unseen: { why, sinceMs, isAll } }: { unseen: Unseen }) {
  const since = sinceMs === undefined ? 'an unknown time' : moment(sinceMs);
  return (
    <div class="notice bad" role="alert">
      <span>
        <strong>{isAll ? 'Outdated' : 'Perhaps outdated'}:</strong> {visible(why, 200)}.{' '}
        {isAll
          ? `This page shows the state as of ${since}; nothing after it is known.`
          : `Since ${since}, changes may be missing.`}
      </span>
    </div>
  );
}

/** A filter that narrows nothing looks as if everything matched. */
function UnusedFilter({ unused }: { unused: Unused }) {
  if (unused.is === 'none') return null;
  return (
    <div class="notice info" role="status">
      <span>
        {VIEW_TITLES[view.value]} is not narrowed by{' '}
        {unused.is === 'all' ? 'the filter' : unused.fields.map((field) => `${field}:`).join(', ')}.
      </span>
      <PlaceLink to={{ view: 'stream' }}>Show the events that match</PlaceLink>
    </div>
  );
}

function resyncWords(reason: string): string {
  switch (reason) {
    case 'compacted':
      return 'the bus no longer had the events since the last connection';
    case 'epoch':
      return 'the bus began a new history';
    case 'future':
      return 'the bus had an older state than this page';
    case 'restart':
      return 'the bus was killed before it had written its last events';
    case 'lagged':
      return 'this page fell too far behind';
    default:
      return visible(reason, 60);
  }
}
