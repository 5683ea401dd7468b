import { useEffect, useRef } from 'preact/hooks';
import { formatBytes, formatCount, formatSpan } from '../model/format.js';
import { clock, moment as momentOf } from '../page/times.js';
import { SPANS } from '../model/place.js';
import { goLive } from '../page/actions.js';
import { inSlice } from '../page/slices.js';
import { atMs as shownAtMs, paint, since } from '../page/state.js';
import type { Paint } from '../worker/paint.js';
import { canvasColors, fitCanvas } from './canvas-colors.js';

/** An arrow key moves by this part of the captured time, at least a second. */
const KEY_STEPS = 200;

/** The captured time with its activity, and the moment that all views show. */
export function ScrubBar() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = paint.value;
  const histogram = now?.capture.histogram;
  useEffect(() => {
    const element = canvas.current;
    if (element && histogram)
      inSlice(element, () => {
        drawHistogram(element, histogram);
      });
  }, [histogram]);
  if (!now) return <footer class="scrub-bar" />;
  const { capture, position } = now;
  const { fromMs, toMs } = capture;
  const isHeld = position.at === 'held';
  const atMs = isHeld ? Math.max(fromMs, Math.min(position.atMs, toMs)) : toMs;
  return (
    <footer class="scrub-bar" aria-label="Captured history">
      <span
        class="scrub-edge"
        title={`The history begins here: ${pastWords(capture.past)}. The state at this moment is known, earlier events are not.`}
      >
        {capture.events > 0 ? momentOf(fromMs) : '–'}
        {capture.past === 'reading' ? ' …' : ''}
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
          aria-valuetext={isHeld ? clock(atMs) : 'live'}
          onInput={(event) => {
            const chosen = event.currentTarget.valueAsNumber;
            if (chosen >= toMs) goLive();
            else shownAtMs.value = chosen;
          }}
          onKeyDown={(event) => {
            // The browser's own step would be a millisecond.
            const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
            if (steps === undefined) return;
            event.preventDefault();
            const chosen = atMs + steps * Math.max(1_000, (toMs - fromMs) / KEY_STEPS);
            if (chosen >= toMs) goLive();
            else shownAtMs.value = Math.max(fromMs, chosen);
          }}
        />
      </div>
      <LiveButton now={now} isHeld={isHeld} />
      <span class="segmented spans" role="group" aria-label="How far back">
        {SPANS.map((span) => (
          <button
            key={span}
            aria-pressed={since.value === span}
            title={
              span === 'all'
                ? 'Everything that is known'
                : `The last ${span.replace('m', ' minutes').replace('1h', 'hour')}`
            }
            onClick={() => (since.value = span)}
          >
            {span}
          </button>
        ))}
      </span>
      {capture.kept?.at === 'lost' ? (
        <span class="scrub-warning" title={keptWords(capture.kept)}>
          lost with a reload
        </span>
      ) : null}
      <span
        class="scrub-facts"
        title={`Keeps the last ${formatBytes(capture.maxBytes)} of events in their encoded size; older events are dropped. ${keptWords(capture.kept)}`}
      >
        {formatSpan(toMs - fromMs)} · {formatCount(capture.events)} events · {formatBytes(capture.bytes)} of{' '}
        {formatBytes(capture.maxBytes)}
        {capture.dropped > capture.droppedBeats
          ? ` · ${formatCount(capture.dropped - capture.droppedBeats)} older dropped`
          : ''}
        {capture.droppedBeats > 0 ? ` · ${formatCount(capture.droppedBeats)} heartbeats dropped` : ''}
      </span>
    </footer>
  );
}

/** Green only if what is shown is the present state of a bus. */
function LiveButton({ now: { connection }, isHeld }: { now: Paint; isHeld: boolean }) {
  if (connection.state === 'file') {
    return (
      <button aria-pressed={!isHeld} onClick={goLive} title="Go to the last event of the file">
        End
      </button>
    );
  }
  const isPresent = connection.state === 'live' && !connection.unseen;
  const isLive = isPresent && !isHeld;
  return (
    <button
      class={isLive ? 'is-live' : ''}
      aria-pressed={isLive}
      disabled={connection.state !== 'live'}
      onClick={goLive}
      title="Go to the latest event"
    >
      {isPresent ? 'Live' : 'Not live'}
    </button>
  );
}

function keptWords(kept: Paint['capture']['kept']): string {
  switch (kept?.at) {
    case undefined:
    case 'opening':
      return '';
    case 'kept':
      return 'This browser keeps them for a reload of the page, until the token changes.';
    case 'elsewhere':
      return 'Another tab keeps them for a reload of the page, until the token changes.';
    case 'lost':
      return `A reload of the page loses them: ${kept.why}.`;
  }
}

export function pastWords(past: Paint['capture']['past']): string {
  switch (past) {
    case 'none':
      return 'the page was opened then';
    case 'reading':
      return 'what was before is being read';
    case 'epoch':
      return 'the bus knows nothing earlier';
    case 'compacted':
      return 'the bus keeps no earlier events';
    case 'asked':
      return 'earlier events are read when a longer span is chosen';
    case 'bounded':
      return 'more does not fit into this page';
    case 'unavailable':
      return 'the bus did not answer when it was asked for earlier events';
    case 'kept':
      return 'this browser has kept nothing earlier';
  }
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
