import { clock } from '../page/times.js';
import { select } from '../page/state.js';
import type { HistoryRow } from '../worker/paint.js';
import { useInSteps } from './in-steps.js';
import { KindTag, Text, TypeTag } from './primitives.js';

/** The rows that get new elements in one task. */
const NEW_ROWS = 10;

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
  const shown = useInSteps(rows, NEW_ROWS);
  return (
    <>
      <h3>
        {title} <span class="muted">newest first</span>
      </h3>
      {rows.length === 0 ? <p class="muted">No event of it is known.</p> : null}
      <ol class="history">
        {shown.map(({ seq, atMs, type, kind, key, revision, run, text }) => (
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
