import { useEffect, useRef } from 'preact/hooks';
import { formatBytes, formatClock, formatCount, formatSecond, formatSpan } from '../model/format.js';
import { goLive } from '../page/actions.js';
import { send } from '../page/worker-client.js';
import { paint } from '../page/state.js';
import { canvasColors, fitCanvas } from './canvas-colors.js';

/** The captured time with its activity, and the moment that all views show. */
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
      <span
        class="scrub-edge"
        title="The capture begins here. The state at this moment is known, earlier events are not."
      >
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
            else send({ type: 'scrub', atMs: chosen });
          }}
        />
      </div>
      <button class={isHeld ? '' : 'is-live'} aria-pressed={!isHeld} onClick={goLive} title="Go to the latest event">
        {now.connection.state === 'file' ? 'End' : 'Live'}
      </button>
      <span
        class="scrub-facts"
        title={`Keeps the last ${formatBytes(capture.maxBytes)} of events in their encoded size; older events are dropped`}
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
  context.fillStyle = canvasColors().faintAccent;
  counts.forEach((count, i) => {
    // The square root keeps quiet spans visible beside bursts.
    const bar = count === 0 ? 0 : Math.max(1.5, Math.sqrt(count / most) * (height - 2));
    context.fillRect(i * step, height - bar, Math.max(1, step - 0.5), bar);
  });
}
