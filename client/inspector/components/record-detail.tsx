import { useSignal } from '@preact/signals';
import { formatCount } from '../model/format.js';
import { clock } from '../page/times.js';
import { visible } from '../model/visible.js';
import { select } from '../page/state.js';
import type { Difference } from '../model/difference.js';
import type { WorkHistoryRow, Detail } from '../worker/paint.js';
import { HistoryList } from './history-list.js';
import { JsonTree, Scalar } from './json-tree.js';
import { RawFrameView } from './raw-frame.js';
import { LeaseTerm } from './lease-term.js';
import { WaitLines } from './wait-line.js';
import { KindTag, LeaseTag, Text, TypeTag } from './primitives.js';

export function RecordDetail({ detail }: { detail: Extract<Detail, { about: 'record' }> }) {
  const { event, lease, waits, problem, exists, data, before, workHistory, history, key, revision } = detail;
  return (
    <>
      <p class="event-line">
        {event ? (
          <>
            <TypeTag type={event.type} /> at {clock(event.atMs)}, revision {formatCount(event.revision)}
          </>
        ) : (
          <span class="muted">unchanged since before the known history begins</span>
        )}
        {lease ? <LeaseTag state={lease.state} leftMs={lease.leftMs} /> : null}
        {exists ? null : <span class="note-tag">removed</span>}
        {problem === undefined ? null : <span class="note-tag">{problem}</span>}
      </p>
      {lease ? <LeaseTerm term={lease} /> : null}
      {waits.length > 0 ? <WaitLines lines={waits} isShort /> : null}
      {before === undefined ? null : <Changes differences={detail.differences} />}
      <h3>Data</h3>
      <div class="json" data-json>
        <JsonTree value={data} />
      </div>
      {workHistory.some(({ records }) => records.length > 0) ? <WorkHistory rows={workHistory} current={key} /> : null}
      <HistoryList title="History of this record" rows={history} />
      <Raw recordKey={key} revision={event?.revision ?? revision} />
    </>
  );
}

function Changes({ differences }: { differences: readonly Difference[] }) {
  return (
    <>
      <h3>
        Changes <span class="muted">from the previous state</span>
      </h3>
      {differences.length === 0 ? <p class="muted">The data has not changed.</p> : null}
      <ul class="changes">
        {differences.slice(0, 50).map(({ path, change, before, after }) => (
          <li key={path.join('\0')} class={change}>
            <span class="json-name">{visible(path.join('.'), 80)}</span>
            {change === 'added' ? null : (
              <del>
                <Value value={before} />
              </del>
            )}
            {change === 'removed' ? null : (
              <ins>
                <Value value={after} />
              </ins>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

const Value = ({ value }: { value: unknown }) =>
  typeof value === 'object' && value !== null ? <>{visible(JSON.stringify(value), 200)}</> : <Scalar value={value} />;

function WorkHistory({ rows, current }: { rows: readonly WorkHistoryRow[]; current: string }) {
  return (
    <>
      <h3>Work history</h3>
      <ol class="work-history">
        {rows.map(({ kind, records, more }) => (
          <li key={kind} class={records.length === 0 ? 'empty' : ''}>
            <KindTag kind={kind} />
            <div>
              {records.map(({ key, id, atMs, text }) => (
                <button
                  key={key}
                  class="row-link"
                  aria-current={key === current ? 'true' : undefined}
                  onClick={() => {
                    select({ type: 'record', key });
                  }}
                >
                  <time>{clock(atMs)}</time>
                  <span class="grow">
                    <Text value={text || id} max={34} middle />
                  </span>
                </button>
              ))}
              {records.length === 0 ? <span class="muted">none</span> : null}
              {more > 0 ? <span class="muted">and {formatCount(more)} earlier</span> : null}
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}

/** The frame is requested only when this is opened. */
function Raw({ recordKey, revision }: { recordKey: string; revision: number }) {
  const isOpen = useSignal(false);
  return (
    <details class="raw" open={isOpen.value} onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>Raw frame</summary>
      {isOpen.value ? <RawFrameView recordKey={recordKey} revision={revision} /> : null}
    </details>
  );
}
