import { clock } from '../page/times.js';
import { select } from '../page/state.js';
import type { HistoryRow } from '../worker/paint.js';
import { KindTag, Text, TypeTag } from './primitives.js';

/** Captured events, the newest first; each selects its event. */
export function HistoryList({
  title,
  rows,
  shows = 'text',
}: {
  title: string;
  rows: readonly HistoryRow[];
  shows?: 'text' | 'run';
}) {
  return (
    <>
      <h3>
        {title} <span class="muted">newest first</span>
      </h3>
      {rows.length === 0 ? <p class="muted">No event of it is known.</p> : null}
      <ol class="history">
        {rows.map(({ seq, atMs, type, kind, key, revision, run, text }) => (
          <li key={seq}>
            <button
              class="row-link"
              onClick={() => {
                select({ type: 'record', key, revision });
              }}
            >
              <time>{clock(atMs)}</time>
              <TypeTag type={type} />
              <KindTag kind={kind} />
              <span class="grow">
                <Text value={shows === 'run' ? run : text} max={24} middle />
              </span>
            </button>
          </li>
        ))}
      </ol>
    </>
  );
}
