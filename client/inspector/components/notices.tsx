import { formatSecond, formatSpan, formatCount, plural } from '../model/format.js';
import { visible } from '../model/visible.js';
import { goLive } from '../page/actions.js';
import { tell } from '../page/port.js';
import { paint } from '../page/state.js';

/** What is not as usual, above the view and without hiding it. */
export function Notices() {
  const now = paint.value;
  if (!now) return null;
  const { link, position } = now;
  return (
    <div class="notices">
      {link.state === 'lost' && now.head.records > 0 ? (
        <div class="notice bad" role="alert">
          <strong>Connection lost.</strong> What you see is as of {formatSecond(link.sinceMs)}. Trying again, attempt{' '}
          {String(link.attempt)}. Is <code>muse-bus serve</code> running?{' '}
          <span class="muted">{visible(link.cause, 120)}</span>
        </div>
      ) : null}
      {link.state === 'live' && link.resync ? (
        <div class="notice warn" role="status">
          <strong>Resynced at {formatSecond(link.resync.atMs)}</strong> ({resyncWords(link.resync.reason)}). The state
          is complete; what happened in between is not in the capture.
        </div>
      ) : null}
      {link.state === 'file' ? (
        <div class="notice info" role="status">
          <strong>{visible(link.name, 60)}</strong>: {plural(link.events, 'event')} replayed offline
          {link.badLines > 0 ? `, ${plural(link.badLines, 'line')} could not be read` : ''}. Nothing here is live.
          <button
            onClick={() => {
              tell({ type: 'online' });
            }}
          >
            Back to the bus
          </button>
        </div>
      ) : null}
      {position.at === 'held' ? (
        <div class="notice info" role="status">
          <strong>Held at {formatSecond(position.atMs)}</strong>
          {link.state === 'file'
            ? ''
            : `, ${formatSpan(Math.max(0, now.capture.toMs - position.atMs))} before the latest event`}
          . {formatCount(position.missed)} events captured since.
          <button onClick={goLive}>{link.state === 'file' ? 'To the end' : 'Back to live'}</button>
        </div>
      ) : null}
    </div>
  );
}

function resyncWords(reason: string): string {
  switch (reason) {
    case 'compacted':
      return 'the bus no longer had the events since we were last connected';
    case 'epoch':
      return 'the bus began a new history';
    case 'future':
      return 'the bus was behind what we had seen';
    case 'restart':
      return 'the bus was cut off before it had written what followed';
    case 'lagged':
      return 'this page fell too far behind';
    default:
      return visible(reason, 60);
  }
}
