import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { clock, second } from '../page/times.js';
import { ticks } from '../model/lanes.js';
import type { Span } from '../model/overlaps.js';

interface TimeAxisProps {
  readonly window: Span;
  readonly beginsMs: number;
  readonly onBrush: (span: Span) => void;
  readonly onReset: () => void;
}

const LABEL_PX = 64;

/** The width of an element, also after the window has changed. */
function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(900);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      setWidth(entry!.contentRect.width);
    });
    observer.observe(element.current!);
    return () => {
      observer.disconnect();
    };
  }, []);
  return width;
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
  const widthPx = useWidth(element);
  const { stepMs, at } = ticks(window, widthPx);
  // A label that the edge would cut says another time.
  const fits = (ms: number): boolean => ((window.toMs - ms) / span) * widthPx > LABEL_PX;
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
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        brush.value = { from: share(event), to: share(event) };
      }}
      onPointerMove={(event) => {
        if (brush.value) brush.value = { ...brush.value, to: share(event) };
      }}
      onPointerUp={end}
      onPointerCancel={() => (brush.value = undefined)}
      onDblClick={onReset}
    >
      {at.filter(fits).map((ms) => (
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
