import { useRef } from 'preact/hooks';
import { formatSpan } from '../model/format.js';
import { second } from '../page/times.js';
import { TRACKS, zoom, type Lane } from '../model/lanes.js';
import type { Span } from '../model/overlaps.js';
import { lanes, nowMs, paint, target } from '../page/state.js';
import { LaneCanvas } from '../components/lane-canvas.js';
import { PlaceLink } from '../components/link.js';
import { TimeAxis } from '../components/time-axis.js';
import { Fitted } from '../components/primitives.js';
import { VirtualList } from '../components/virtual-list.js';

const WIDTHS_MS = [30_000, 120_000, 600_000, 3_600_000];

/** Sets the window that is shown. */
function showWindow({ fromMs, toMs }: Span): void {
  lanes.value = { widthMs: toMs - fromMs, endMs: toMs };
}

export function LanesView() {
  const now = paint.value;
  const list = now?.lanes;
  const frame = useRef<HTMLDivElement>(null);
  if (!list) return null;
  const { window } = list;
  const middle = (window.fromMs + window.toMs) / 2;
  const isFollowing = lanes.value.endMs === undefined;
  return (
    <div class="lanes" ref={frame} onWheel={(event) => wheel(event, frame.current!, window)}>
      <div class="view-bar">
        <span class="segmented" role="group" aria-label="Span shown">
          {WIDTHS_MS.map((widthMs) => (
            <button
              key={widthMs}
              aria-pressed={isFollowing && lanes.value.widthMs === widthMs}
              onClick={() => (lanes.value = { widthMs, endMs: undefined })}
            >
              {formatSpan(widthMs).replace(/ 00 [sm]$/, '')}
            </button>
          ))}
        </span>
        <button aria-label="Zoom in" title="Zoom in" onClick={() => showWindow(zoom(window, middle, 0.5))}>
          +
        </button>
        <button aria-label="Zoom out" title="Zoom out" onClick={() => showWindow(zoom(window, middle, 2))}>
          −
        </button>
        <button aria-label="Earlier" title="Earlier" onClick={() => pan(window, -0.25)}>
          ‹
        </button>
        <button aria-label="Later" title="Later" onClick={() => pan(window, 0.25)}>
          ›
        </button>
        <button aria-pressed={isFollowing} class={isFollowing ? 'pressed' : ''} onClick={followNow}>
          Follow
        </button>
        <span class="spring" />
        <Legend />
      </div>
      <VirtualList
        label="Lanes"
        list={list}
        rowRem={2}
        columns={2}
        overscan={6}
        header={<Header window={window} beginsMs={list.beginsMs} />}
        keyOf={({ run }) => run}
        isSelected={({ run }) => target.value?.type === 'run' && target.value.run === run}
        target={({ run }) => ({ type: 'run', run })}
        render={(lane) => <Row lane={lane} window={window} beginsMs={list.beginsMs} />}
      />
      {list.total === 0 ? <p class="nothing">No agent matches the filter.</p> : null}
    </div>
  );
}

function followNow(): void {
  lanes.value = { ...lanes.value, endMs: undefined };
}

function pan({ fromMs, toMs }: Span, share: number): void {
  const by = (toMs - fromMs) * share;
  showWindow({ fromMs: fromMs + by, toMs: toMs + by });
}

/** Handles the wheel. With Ctrl it zooms at the pointer. Sideways, or with Shift, it pans. */
function wheel(event: WheelEvent, frame: HTMLElement, window: Span): void {
  const canvas = frame.querySelector('canvas')?.getBoundingClientRect();
  if (!canvas) return;
  const sideways = event.shiftKey ? event.deltaY : event.deltaX;
  if (event.ctrlKey || event.metaKey) {
    const share = (event.clientX - canvas.left) / canvas.width;
    const around = window.fromMs + Math.max(0, Math.min(1, share)) * (window.toMs - window.fromMs);
    showWindow(zoom(window, around, Math.exp(event.deltaY * 0.002)));
  } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) pan(window, sideways / canvas.width);
  else return;
  event.preventDefault();
}

function Header({ window, beginsMs }: { window: Span; beginsMs: number }) {
  return (
    <div class="list-head" role="rowgroup">
      <div class="list-header lane-grid" role="row">
        <div role="columnheader">Run</div>
        <div role="columnheader" class="axis-cell">
          <TimeAxis window={window} beginsMs={beginsMs} onBrush={showWindow} onReset={followNow} />
        </div>
      </div>
    </div>
  );
}

function Row({ lane, window, beginsMs }: { lane: Lane; window: Span; beginsMs: number }) {
  const held = lane.bars.filter(({ end }) => end === 'running').length;
  const contested = lane.bars.filter(({ overlaps }) => overlaps.length > 0).length;
  const label = `${String(lane.bars.length)} leases, ${String(held)} held, ${String(contested)} overlapping, ${String(lane.events)} events between ${second(window.fromMs)} and ${second(window.toMs)}`;
  return (
    <div class="lane-grid cells" role="presentation">
      <div role="gridcell" class="lane-name">
        <PlaceLink to={{ view: 'lanes', target: { type: 'run', run: lane.run } }}>
          {lane.run === '' ? <span class="muted">no run</span> : <Fitted value={lane.run} />}
        </PlaceLink>
        {held > TRACKS ? <span class="muted">{held} leases</span> : null}
        <span class="muted">
          <Fitted value={lane.branch} />
        </span>
      </div>
      <div role="gridcell" class="lane-cell" aria-label={label}>
        <LaneCanvas lane={lane} window={window} nowMs={nowMs.value} beginsMs={beginsMs} />
      </div>
    </div>
  );
}

function Legend() {
  return (
    <ul class="lane-legend" aria-label="Legend">
      <li>
        <i class="lg running" /> held
      </li>
      <li>
        <i class="lg released" /> released
      </li>
      <li>
        <i class="lg lapsed" /> lapsed
      </li>
      <li>
        <i class="lg collision" /> collision
      </li>
      <li>
        <i class="lg merge-risk" /> merge risk
      </li>
      <li>
        <i class="lg beat" /> heartbeat
      </li>
      <li>
        <i class="lg intent" /> intent
      </li>
      <li>
        <i class="lg release" /> release
      </li>
      <li>
        <i class="lg expiry">×</i> expiry
      </li>
    </ul>
  );
}
