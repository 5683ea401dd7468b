import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { clock, second } from '../page/times.js';
import { ticks, type Span } from '../model/lanes.js';

interface TimeAxisProps {
  readonly window: Span;
  readonly beginsMs: number;
  readonly onBrush: (span: Span) => void;
  readonly onReset: () => void;
}

/** The time axis of the lanes. If the user selects a span on it with the pointer, the span becomes the window. */
export function TimeAxis({ window, beginsMs, onBrush, onReset }: TimeAxisProps) {
  const element = useRef<HTMLDivElement>(null);
  const brush = useSignal<{ readonly from: number; readonly to: number } | undefined>(undefined);
  const share = (event: PointerEvent): number => {
    const { left, width } = element.current!.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - left) / width));
  };
  const span = window.toMs - window.fromMs;
  const place = (ms: number) => `${String(((ms - window.fromMs) / span) * 100)}%`;
  const { stepMs, at } = ticks(window, 900);
  const end = (): void => {
    const drawn = brush.value;
    brush.value = undefined;
    if (!drawn || Math.abs(drawn.to - drawn.from) < 0.01) return;
    const [low, high] = drawn.from < drawn.to ? [drawn.from, drawn.to] : [drawn.to, drawn.from];
    onBrush({ fromMs: window.fromMs + low * span, toMs: window.fromMs + high * span });
  };
  return (
    <div
      ref={element}
      class="time-axis"
      title="Drag to select a span; double-click to follow again"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        brush.value = { from: share(event), to: share(event) };
      }}
      onPointerMove={(event) => {
        if (brush.value) brush.value = { ...brush.value, to: share(event) };
      }}
      onPointerUp={end}
      onDblClick={onReset}
    >
      {at.map((ms) => (
        <span key={ms} class="tick-label" style={{ left: place(ms) }}>
          {stepMs < 1_000 ? clock(ms).slice(3) : second(ms)}
        </span>
      ))}
      {beginsMs > window.fromMs && beginsMs < window.toMs ? (
        <span class="axis-begin" style={{ left: place(beginsMs) }} title="The capture begins here" />
      ) : null}
      {brush.value ? (
        <i
          class="brush"
          style={{
            left: `${String(Math.min(brush.value.from, brush.value.to) * 100)}%`,
            width: `${String(Math.abs(brush.value.to - brush.value.from) * 100)}%`,
          }}
        />
      ) : null}
    </div>
  );
}
