import type { EventType, Kind } from '../../../protocol/index.js';
import type { Bar, BarEnd } from './bar-book.js';

/** A span of time, Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A lease as it is drawn. */
export interface LaneBar extends Span {
  readonly key: string;
  readonly address: string;
  readonly more: number;
  readonly end: BarEnd;
  /** Which of the lane's tracks it is in, 0…{@link TRACKS} − 1. */
  readonly track: number;
  /** When another run held one of its addresses too. */
  readonly overlaps: readonly Span[];
}

/** An event as it is drawn. */
export interface LaneMark {
  readonly atMs: number;
  readonly kind: Kind;
  readonly type: EventType;
  readonly key: string;
  readonly revision: number;
}

export interface Lane {
  readonly run: string;
  readonly branch: string;
  readonly bars: readonly LaneBar[];
  readonly marks: readonly LaneMark[];
}

/** Leases of one run at one time that are drawn side by side; more share the last track. */
export const TRACKS = 3;
/** A place that more bars than this hold at once is contested by all of them, without every pair being looked at. */
const NEIGHBOURS = 48;

/** A bar cut to what was known at a time: later ends are not shown, and what runs on is drawn to its expected end. */
export function clip(bar: Bar, nowMs: number): (Span & { readonly end: BarEnd }) | undefined {
  if (bar.startMs > nowMs) return undefined;
  if (bar.ended && bar.ended.atMs <= nowMs) {
    return {
      fromMs: bar.startMs,
      toMs: Math.min(bar.ended.atMs, Math.max(bar.endMs, bar.startMs)),
      end: bar.ended.how,
    };
  }
  return { fromMs: bar.startMs, toMs: bar.endMs, end: bar.endMs <= nowMs ? 'lapsed' : 'running' };
}

/** The bars of the runs shown that touch a window of time, with what overlaps them, whose ever that is. */
export function laneBars(
  bars: Iterable<Bar>,
  runs: ReadonlySet<string>,
  window: Span,
  nowMs: number,
): Map<string, LaneBar[]> {
  const touching: { readonly bar: Bar; readonly span: Span & { readonly end: BarEnd } }[] = [];
  for (const bar of bars) {
    const span = clip(bar, nowMs);
    if (span && span.fromMs < window.toMs && span.toMs > window.fromMs) touching.push({ bar, span });
  }
  const shown = touching.filter(({ bar }) => runs.has(bar.run));
  const addresses = new Set(shown.flatMap(({ bar }) => bar.addresses));
  const rivals = touching.filter(({ bar }) => bar.addresses.some((address) => addresses.has(address)));
  const overlaps = overlapsOf(rivals.map(({ bar, span: { fromMs, toMs } }) => ({ ...bar, fromMs, toMs })));
  const lanes = new Map<string, LaneBar[]>();
  const free = new Map<string, number[]>();
  for (const { bar, span } of shown.sort((a, b) => a.span.fromMs - b.span.fromMs)) {
    const tracks = free.get(bar.run) ?? Array.from({ length: TRACKS }, () => -Infinity);
    free.set(bar.run, tracks);
    const found = tracks.findIndex((until) => until <= span.fromMs);
    const track = found < 0 ? TRACKS - 1 : found;
    tracks[track] = Math.max(tracks[track]!, span.toMs);
    const { key, addresses } = bar;
    const own = { key, ...span, address: addresses[0] ?? '', more: Math.max(0, addresses.length - 1), track };
    const drawn: LaneBar = { ...own, overlaps: overlaps.get(key) ?? [] };
    const lane = lanes.get(bar.run);
    if (lane) lane.push(drawn);
    else lanes.set(bar.run, [drawn]);
  }
  return lanes;
}

interface Placed extends Span {
  readonly key: string;
  readonly run: string;
  readonly branch: string;
  readonly addresses: readonly string[];
}

/** Where bars of different runs lie over each other at one address, whatever their branches, merged for each bar. */
export function overlapsOf(bars: readonly Placed[]): Map<string, Span[]> {
  const places = new Map<string, Placed[]>();
  for (const bar of bars) {
    for (const address of bar.addresses) {
      const own = places.get(address);
      if (own) own.push(bar);
      else places.set(address, [bar]);
    }
  }
  const found = new Map<string, Span[]>();
  const note = (key: string, span: Span) => found.set(key, [...(found.get(key) ?? []), span]);
  for (const placed of places.values()) {
    placed.sort((a, b) => a.fromMs - b.fromMs);
    placed.forEach((bar, i) => {
      for (const other of placed.slice(i + 1, i + 1 + NEIGHBOURS)) {
        if (other.fromMs >= bar.toMs) break;
        if (other.run === bar.run) continue;
        const span = { fromMs: other.fromMs, toMs: Math.min(bar.toMs, other.toMs) };
        note(bar.key, span);
        note(other.key, span);
      }
    });
  }
  for (const [key, spans] of found) found.set(key, mergeSpans(spans));
  return found;
}

export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last && span.fromMs <= last.toMs) merged[merged.length - 1] = { ...last, toMs: Math.max(last.toMs, span.toMs) };
    else merged.push(span);
  }
  return merged;
}

/** Times at which an axis has its marks: round numbers, at least `minPx` apart. */
export function ticks(
  { fromMs, toMs }: Span,
  widthPx: number,
  minPx = 90,
): { readonly stepMs: number; readonly at: number[] } {
  const least = ((toMs - fromMs) * minPx) / Math.max(1, widthPx);
  const stepMs = STEPS.find((step) => step >= least) ?? Math.ceil(least / 3_600_000) * 3_600_000;
  const at: number[] = [];
  for (let ms = Math.ceil(fromMs / stepMs) * stepMs; ms <= toMs; ms += stepMs) at.push(ms);
  return { stepMs, at };
}

const STEPS = [100, 250, 500, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600].map((n, i) =>
  i < 3 ? n : n * 1_000,
);

/** A window made narrower or wider round a moment, between one second and a day. */
export function zoom({ fromMs, toMs }: Span, aroundMs: number, factor: number): Span {
  const width = Math.min(86_400_000, Math.max(1_000, (toMs - fromMs) * factor));
  const share = (aroundMs - fromMs) / Math.max(1, toMs - fromMs);
  return { fromMs: aroundMs - share * width, toMs: aroundMs + (1 - share) * width };
}
