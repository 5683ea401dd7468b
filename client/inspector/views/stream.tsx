import { formatBytes, formatCount, formatLag, formatSpan, plural } from '../model/format.js';
import { clock, moment } from '../page/times.js';
import { visible } from '../model/visible.js';
import { follow, nowMs, paint, showHeartbeats, target, timeFormat } from '../page/state.js';
import { PlaceLink } from '../components/link.js';
import { pastWords } from '../components/scrub-bar.js';
import { KindTag, Nothing, Text, TypeTag } from '../components/primitives.js';
import { VirtualList } from '../components/virtual-list.js';
import type { Mark } from '../model/entry.js';
import type { StreamRow } from '../worker/paint.js';

const COLUMNS = ['Rev', 'Time', 'Delta', 'Type', 'Kind', 'Run', 'Branch', 'Address', 'Size', 'Lag'] as const;

export function StreamView() {
  const now = paint.value;
  const list = now?.stream;
  if (!list) return null;
  return (
    <div class="stream">
      <div class="view-bar">
        <label class="check">
          <input
            type="checkbox"
            checked={showHeartbeats.value}
            onChange={(event) => (showHeartbeats.value = event.currentTarget.checked)}
          />
          Heartbeats
        </label>
        {list.hiddenHeartbeats > 0 ? (
          <span class="muted">
            {plural(list.hiddenHeartbeats, 'heartbeat')} {list.hiddenHeartbeats === 1 ? 'is' : 'are'} hidden
          </span>
        ) : null}
        <label>
          Time{' '}
          <select
            value={timeFormat.value}
            onChange={(event) => (timeFormat.value = event.currentTarget.value as typeof timeFormat.value)}
          >
            <option value="absolute">of day</option>
            <option value="relative">ago</option>
          </select>
        </label>
        <span class="spring" />
        <span class="muted">{plural(list.total, 'row')}</span>
      </div>
      <VirtualList
        label="Events"
        list={list}
        rowRem={1.85}
        columns={COLUMNS.length}
        header={() => <Header />}
        keyOf={({ seq }) => seq}
        isSelected={isSelected}
        target={(row) => (row.row === 'event' ? { type: 'record', key: row.key, revision: row.revision } : undefined)}
        render={(row) => <Row row={row} />}
        follow={follow.value}
        onFollow={(isAtEnd) => (follow.value = isAtEnd)}
        dropped={list.dropped}
      />
      {list.total === 0 ? (
        <Nothing matching="No event in this span matches the filter." all="No event in this span." />
      ) : null}
    </div>
  );
}

function isSelected(row: StreamRow): boolean {
  const selected = target.value;
  if (row.row !== 'event' || selected?.type !== 'record' || selected.key !== row.key) return false;
  return selected.revision === undefined || selected.revision === row.revision;
}

function Header() {
  return (
    <div class="list-head" role="rowgroup">
      <div class="list-header stream-grid" role="row">
        {COLUMNS.map((title) => (
          <div key={title} role="columnheader" class={NUMERIC.has(title) ? 'number' : ''}>
            {title}
          </div>
        ))}
      </div>
    </div>
  );
}

const NUMERIC: ReadonlySet<string> = new Set(['Rev', 'Time', 'Delta', 'Size', 'Lag']);

function Row({ row }: { row: StreamRow }) {
  if (row.row === 'mark') {
    return (
      <div class={`mark-row ${row.mark.type}`} role="gridcell" aria-colspan={COLUMNS.length}>
        {moment(row.atMs)} — {markWords(row.mark)}
      </div>
    );
  }
  const { revision, key, atMs, deltaMs, type, kind, run, branch, address, more, bytes, lagMs, note } = row;
  return (
    <div class="stream-grid cells" role="presentation">
      <div role="gridcell" class="number">
        <PlaceLink to={{ view: 'stream', target: { type: 'record', key, revision } }}>{revision}</PlaceLink>
      </div>
      <div
        role="gridcell"
        class="number"
        title={type === 'snapshot' ? 'before the known history begins' : isoTime(atMs)}
      >
        {type === 'snapshot'
          ? 'before'
          : timeFormat.value === 'absolute'
            ? clock(atMs)
            : formatSpan(Math.max(0, nowMs.value - atMs))}
      </div>
      <div role="gridcell" class="number muted">
        {deltaMs === undefined || type === 'snapshot' ? '' : `+${formatSpan(deltaMs)}`}
      </div>
      <div role="gridcell">
        <TypeTag type={type} />
      </div>
      <div role="gridcell">
        <KindTag kind={kind} />
      </div>
      <div role="gridcell">
        <Text value={run} max={24} middle />
      </div>
      <div role="gridcell">
        <Text value={branch} max={24} middle />
      </div>
      <div role="gridcell">
        <Text value={address} max={70} middle />
        {more > 0 ? <span class="muted"> +{more}</span> : null}
        {note === undefined ? null : <span class="note-tag">{note}</span>}
      </div>
      <div role="gridcell" class="number">
        {formatBytes(bytes)}
      </div>
      <div role="gridcell" class="number">
        {lagMs === undefined ? '' : formatLag(lagMs)}
      </div>
    </div>
  );
}

const MAX_DATE_MS = 8_640_000_000_000_000;
const isoTime = (ms: number): string => (ms <= MAX_DATE_MS ? new Date(ms).toISOString() : '');

function markWords(mark: Mark): string {
  switch (mark.type) {
    case 'synced':
      return `connected at revision ${formatCount(mark.revision)}; live from here`;
    case 'resync':
      return `resync (${visible(mark.reason, 40)}): a new snapshot follows`;
    case 'lost':
      return `connection lost: ${visible(mark.cause, 120)}`;
    case 'back':
      return 'Reconnected; resuming where the connection was lost';
    case 'begin':
      return `history begins: ${pastWords(mark.why)}`;
    case 'gap':
      return 'gap: the bus was not running; the changes that follow were found at its start';
    case 'missing':
      return `gap: ${eventsWords(mark.after + 1, mark.to)} missing, because neither this browser nor the bus has kept them`;
    case 'known':
      return `the state at revision ${formatCount(mark.revision)}; the events from here on are known`;
  }
}

const eventsWords = (first: number, last: number): string =>
  first === last ? `event ${formatCount(last)} is` : `events ${formatCount(first)} to ${formatCount(last)} are`;
