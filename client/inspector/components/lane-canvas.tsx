import { useEffect, useRef } from 'preact/hooks';
import { SIGNS, signOf, ticks, TRACKS, type Lane, type LaneBar, type Sign } from '../model/lanes.js';
import { mergeOverlaps, mergeSpans, type Span } from '../model/overlaps.js';
import { dropJob, inSlice } from '../page/slices.js';
import { select } from '../page/state.js';
import { canvasColors, fitCanvas } from './canvas-colors.js';

interface LaneCanvasProps {
  readonly lane: Lane;
  readonly window: Span;
  readonly nowMs: number;
  /** When the captured history begins. Nothing earlier is known. */
  readonly beginsMs: number;
}

const PADDING = 3;

/** One agent over time: bars for leases, signs for events. */
export function LaneCanvas(props: LaneCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    inSlice(element, () => {
      draw(element, props);
    });
  });
  useEffect(() => {
    const element = canvas.current;
    return () => {
      dropJob(element);
    };
  }, []);
  return (
    <canvas
      ref={canvas}
      aria-hidden="true"
      onClick={(event) => {
        const found = hit(event.currentTarget, event.offsetX, event.offsetY, props);
        if (!found) return;
        event.stopPropagation();
        select(found);
      }}
      onMouseMove={(event) => {
        const found = hit(event.currentTarget, event.offsetX, event.offsetY, props);
        event.currentTarget.style.cursor = found ? 'pointer' : '';
      }}
    />
  );
}

type Scale = (ms: number) => number;

const scaleOf =
  ({ fromMs, toMs }: Span, width: number): Scale =>
  (ms) =>
    ((ms - fromMs) / (toMs - fromMs)) * width;

function draw(canvas: HTMLCanvasElement, { lane, window, nowMs, beginsMs }: LaneCanvasProps): void {
  const { context, width, height } = fitCanvas(canvas);
  const colors = canvasColors();
  const x = scaleOf(window, width);
  context.fillStyle = colors.panel;
  const begins = x(beginsMs);
  if (begins > 0) context.fillRect(0, 0, Math.min(width, begins), height);
  context.fillStyle = colors.border;
  // The marks of the axis, which is as wide.
  for (const line of ticks(window, width).at) context.fillRect(Math.round(x(line)), 0, 1, height);
  for (let track = 0; track < TRACKS; track++) {
    const bars = lane.bars.filter((bar) => bar.track === track);
    if (bars.length > 0) drawTrack(context, bars, x, nowMs, width, height);
  }
  drawFuture(context, lane.bars, x, nowMs, width, height);
  context.fillStyle = colors.accent;
  context.fillRect(Math.round(x(nowMs)), 0, 1, height);
  for (const sign of SIGNS) {
    const own = lane.marks.filter((mark) => signOf(mark) === sign);
    if (own.length > 0)
      drawSigns(
        context,
        sign,
        own.map(({ atMs }) => x(atMs)),
        height,
      );
  }
}

/**
 * Draws the time from now to the ends that the leases have if they are not extended. Once for each track: many leases on one another would
 * become as dark as the time that has passed.
 */
function drawFuture(
  context: CanvasRenderingContext2D,
  bars: readonly LaneBar[],
  x: Scale,
  nowMs: number,
  width: number,
  height: number,
): void {
  context.fillStyle = canvasColors().good;
  context.globalAlpha = 0.25;
  for (let track = 0; track < TRACKS; track++) {
    const boxes = bars
      .filter((bar) => bar.track === track && bar.end === 'running' && bar.toMs > nowMs)
      .map((bar) => boxOf(bar, x, width, height));
    if (boxes.length === 0) continue;
    const left = Math.max(x(nowMs), Math.min(...boxes.map((box) => box.left)));
    const right = Math.max(...boxes.map((box) => box.right));
    context.fillRect(left, boxes[0]!.top, Math.max(0, right - left), boxes[0]!.size);
  }
  context.globalAlpha = 1;
}

function boxOf(bar: LaneBar, x: Scale, width: number, height: number) {
  const track = (height - 2 * PADDING) / TRACKS;
  const left = Math.max(-2, x(bar.fromMs));
  const right = Math.min(width + 2, x(bar.toMs));
  return { left, right, top: PADDING + bar.track * track, size: track - 1.5 };
}

const ENDS = ['released', 'removed', 'lapsed', 'running'] as const;

/** Draws the bars of one track. Bars that lie on one another are drawn once: an agent may hold hundreds of leases, many times a second. */
function drawTrack(
  context: CanvasRenderingContext2D,
  bars: readonly LaneBar[],
  x: Scale,
  nowMs: number,
  width: number,
  height: number,
): void {
  const colors = canvasColors();
  const { top, size } = boxOf(bars[0]!, x, width, height);
  for (const end of ENDS) {
    const own = bars.filter((bar) => bar.end === end);
    context.fillStyle = end === 'running' ? colors.good : end === 'lapsed' ? colors.critical : colors.muted;
    context.globalAlpha = end === 'released' || end === 'removed' ? 0.55 : 0.9;
    for (const span of mergeSpans(own)) {
      const left = Math.max(-2, x(span.fromMs));
      const present = Math.min(width + 2, x(span.toMs), x(nowMs));
      if (present > left) context.fillRect(left, top, Math.max(1.5, present - left), size);
    }
    context.globalAlpha = 1;
    // A lapsed lease ends with a line across it.
    if (end !== 'lapsed') continue;
    for (const at of new Set(own.map(({ toMs }) => Math.round(x(toMs)))))
      context.fillRect(at - 1, top - 2, 2, size + 4);
  }
  for (const { fromMs, toMs, isMergeOnly } of mergeOverlaps(bars.flatMap(({ overlaps }) => overlaps))) {
    context.strokeStyle = isMergeOnly ? colors.warning : colors.critical;
    hatch(context, Math.max(-2, x(fromMs)), top - 1, Math.min(width + 2, x(toMs)), size + 2);
  }
}

/** Draws stripes, so that an overlap can be recognised without colour. */
function hatch(context: CanvasRenderingContext2D, left: number, top: number, right: number, size: number): void {
  if (right <= left) return;
  const colors = canvasColors();
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, size);
  context.clip();
  context.fillStyle = colors.background;
  context.globalAlpha = 0.35;
  context.fillRect(left, top, right - left, size);
  context.globalAlpha = 1;
  context.lineWidth = 1.6;
  context.beginPath();
  for (let at = left - size - (left % 5); at < right; at += 5) {
    context.moveTo(at, top + size);
    context.lineTo(at + size, top);
  }
  context.stroke();
  context.restore();
}

/**
 * Draws the signs of one kind of events, in one path: a heartbeat is a tick, an intent a diamond, a release a hollow ring, an expiry a cross,
 * a task or claim a dot.
 */
function drawSigns(context: CanvasRenderingContext2D, sign: Sign, all: readonly number[], height: number): void {
  const colors = canvasColors();
  const middle = height / 2;
  context.strokeStyle = context.fillStyle = sign === 'expiry' ? colors.critical : colors.text;
  context.lineWidth = 1.4;
  context.beginPath();
  for (const at of all) addSign(context, sign, at, middle, height);
  switch (sign) {
    case 'expiry':
      context.stroke();
      return;
    case 'heartbeat':
      context.globalAlpha = 0.65;
      context.fill();
      context.globalAlpha = 1;
      return;
    case 'release':
      context.fillStyle = colors.background;
      context.fill();
      context.stroke();
      return;
    case 'intent':
    case 'dot':
      context.fill();
  }
}

function addSign(context: CanvasRenderingContext2D, sign: Sign, at: number, middle: number, height: number): void {
  switch (sign) {
    case 'expiry':
      context.moveTo(at - 3.5, middle - 3.5);
      context.lineTo(at + 3.5, middle + 3.5);
      context.moveTo(at + 3.5, middle - 3.5);
      context.lineTo(at - 3.5, middle + 3.5);
      return;
    case 'heartbeat':
      context.rect(at - 0.5, height - 6, 1, 5);
      return;
    case 'intent':
      context.moveTo(at, middle - 4);
      context.lineTo(at + 4, middle);
      context.lineTo(at, middle + 4);
      context.lineTo(at - 4, middle);
      context.closePath();
      return;
    case 'release':
      context.moveTo(at + 3.5, middle);
      context.arc(at, middle, 3.5, 0, 2 * Math.PI);
      return;
    case 'dot':
      context.rect(at - 2, middle - 2, 4, 4);
  }
}

function hit(canvas: HTMLCanvasElement, atX: number, atY: number, { lane, window }: LaneCanvasProps) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const x = scaleOf(window, width);
  const mark = lane.marks.find(({ atMs }) => Math.abs(x(atMs) - atX) < 4);
  const bar = lane.bars.find((one) => {
    const { left, right, top, size } = boxOf(one, x, width, height);
    return atX >= left && atX <= right && atY >= top - 2 && atY <= top + size + 2;
  });
  if (mark && mark.kind !== 'heartbeat') return { type: 'record', key: mark.key, revision: mark.revision } as const;
  if (bar) return { type: 'record', key: bar.key } as const;
  return mark ? ({ type: 'record', key: mark.key, revision: mark.revision } as const) : undefined;
}
