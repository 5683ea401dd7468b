import { useEffect, useRef } from 'preact/hooks';
import { formatBytes, formatClock, formatCount, formatSecond, formatSpan } from '../model/format.js';
import { goLive } from '../page/actions.js';
import { tell } from '../page/port.js';
import { paint } from '../page/state.js';
import { fitCanvas, inks } from './ink.js';

/** The captured time, how busy it was, and the moment that all views show. */
export function ScrubBar() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = paint.value;
  const histogram = now?.capture.histogram;
  useEffect(() => {
    if (canvas.current && histogram) drawHistogram(canvas.current, histogram);
  }, [histogram]);
  if (!now) return <footer class="scrub-bar" />;
  const { capture, position } = now;
  const { fromMs, toMs } = capture;
  const isHeld = position.at === 'held';
  const atMs = isHeld ? Math.min(position.atMs, toMs) : toMs;
  return (
    <footer class="scrub-bar" aria-label="Captured history">
      <span class="scrub-edge" title="The capture begins here; what stood then is known, what happened before is not">
        {capture.events > 0 ? formatSecond(fromMs) : '–'}
      </span>
      <div class="scrub-track">
        <canvas ref={canvas} aria-hidden="true" />
        <input
          type="range"
          min={fromMs}
          max={toMs}
          step={1}
          value={atMs}
          class={isHeld ? 'held' : ''}
          aria-label="Moment shown"
          aria-valuetext={isHeld ? formatClock(atMs) : 'live'}
          onInput={(event) => {
            const chosen = event.currentTarget.valueAsNumber;
            if (chosen >= toMs) goLive();
            else tell({ type: 'scrub', atMs: chosen });
          }}
        />
      </div>
      <button class={isHeld ? '' : 'is-live'} aria-pressed={!isHeld} onClick={goLive} title="To the latest event">
        {now.link.state === 'file' ? 'End' : 'Live'}
      </button>
      <span
        class="scrub-facts"
        title={`Kept: the last ${formatBytes(capture.maxBytes)} of events as they travel; the oldest fall out`}
      >
        {formatSpan(toMs - fromMs)} · {formatCount(capture.events)} events · {formatBytes(capture.bytes)} of{' '}
        {formatBytes(capture.maxBytes)}
        {capture.dropped > 0 ? ` · ${formatCount(capture.dropped)} older dropped` : ''}
      </span>
    </footer>
  );
}

function drawHistogram(canvas: HTMLCanvasElement, counts: readonly number[]): void {
  const { context, width, height } = fitCanvas(canvas);
  const most = Math.max(1, ...counts);
  const step = width / counts.length;
  context.fillStyle = inks().faintAccent;
  counts.forEach((count, i) => {
    // The root shows quiet spans beside bursts.
    const bar = count === 0 ? 0 : Math.max(1.5, Math.sqrt(count / most) * (height - 2));
    context.fillRect(i * step, height - bar, Math.max(1, step - 0.5), bar);
  });
}
