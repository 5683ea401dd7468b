import type { EventType, Kind } from '../../../protocol/index.js';
import type { LeaseInterval, LeaseIntervals, IntervalEnd } from './lease-intervals.js';
import type { Overlap, Span } from './overlaps.js';

/** A lease in the form in which it is drawn. */
export interface LaneBar extends Span {
  readonly key: string;
  readonly address: string;
  readonly more: number;
  readonly end: IntervalEnd;
  /** The track of the lane that it is drawn in, 0…{@link TRACKS} − 1. */
  readonly track: number;
  /** The spans in which another run held one of its addresses too. */
  readonly overlaps: readonly Overlap[];
}

/** An event in the form in which it is drawn. */
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
  /** Those that can be told apart, see {@link MarkThinning}. */
  readonly marks: readonly LaneMark[];
  /** How many events there are, drawn or not. */
  readonly events: number;
}

/** A lane has this many tracks for leases that a run holds at the same time; further leases share the last track. */
export const TRACKS = 3;

/** Returns a lease as it was known at a time. An end later than that is not shown, and a running lease is drawn to its expected end. */
export function clip(
  { startMs, endMs, ended }: LeaseInterval,
  nowMs: number,
): (Span & { readonly end: IntervalEnd }) | undefined {
  if (startMs > nowMs) return undefined;
  if (ended && ended.atMs <= nowMs) {
    return { fromMs: startMs, toMs: Math.min(ended.atMs, Math.max(endMs, startMs)), end: ended.how };
  }
  return { fromMs: startMs, toMs: endMs, end: endMs <= nowMs ? 'lapsed' : 'running' };
}

/** Returns the bars of the shown runs that touch a window of time, with their overlaps with leases of any run. */
export function laneBars(
  intervals: LeaseIntervals,
  runs: ReadonlySet<string>,
  window: Span,
  nowMs: number,
): Map<string, LaneBar[]> {
  const touching: (LeaseInterval & Span & { readonly end: IntervalEnd })[] = [];
  for (const interval of intervals.all()) {
    const span = clip(interval, nowMs);
    if (span && span.fromMs < window.toMs && span.toMs > window.fromMs) touching.push({ ...interval, ...span });
  }
  const shown = touching.filter(({ run }) => runs.has(run)).sort((a, b) => a.fromMs - b.fromMs);
  const overlaps = intervals.overlaps.between(shown, touching);
  const lanes = new Map<string, LaneBar[]>();
  const free = new Map<string, number[]>();
  for (const { key, run, addresses, fromMs, toMs, end } of shown) {
    const tracks = free.get(run) ?? Array.from({ length: TRACKS }, () => -Infinity);
    free.set(run, tracks);
    const found = tracks.findIndex((until) => until <= fromMs);
    const track = found < 0 ? TRACKS - 1 : found;
    tracks[track] = Math.max(tracks[track]!, toMs);
    const more = Math.max(0, addresses.length - 1);
    const bar = { key, fromMs, toMs, end, address: addresses[0] ?? '', more, track, overlaps: overlaps.get(key) ?? [] };
    const lane = lanes.get(run);
    if (lane) lane.push(bar);
    else lanes.set(run, [bar]);
  }
  return lanes;
}

/** How marks are drawn, the last above the others. Marks of one sign look the same. */
export const SIGNS = ['heartbeat', 'dot', 'intent', 'release', 'expiry'] as const;
export type Sign = (typeof SIGNS)[number];

/** Returns `undefined` for a mark that is not drawn: the bar of a lease shows it. */
export function signOf({ kind, type }: Pick<LaneMark, 'kind' | 'type'>): Sign | undefined {
  if (type === 'expired') return 'expiry';
  if (kind === 'task' || kind === 'claim') return 'dot';
  return kind === 'heartbeat' || kind === 'intent' || kind === 'release' ? kind : undefined;
}

/** As many equal signs beside one another are told apart across a lane; the narrow heartbeats twice as many. */
const SIGNS_ACROSS = 300;

/** Leaves out marks that would be drawn on an equal one. Marks are offered from the latest to the earliest. */
export class MarkThinning {
  readonly #stepMs: number;
  readonly #last = new Map<Sign | undefined, number>();

  constructor({ fromMs, toMs }: Span) {
    this.#stepMs = (toMs - fromMs) / SIGNS_ACROSS;
  }

  takes(mark: Pick<LaneMark, 'kind' | 'type' | 'atMs'>): boolean {
    const sign = signOf(mark);
    const stepMs = sign === 'heartbeat' ? this.#stepMs / 2 : this.#stepMs;
    if ((this.#last.get(sign) ?? Infinity) - mark.atMs < stepMs) return false;
    this.#last.set(sign, mark.atMs);
    return true;
  }
}

/** Returns the times of an axis's marks: round numbers, at least `minPx` apart. */
export function ticks(
  { fromMs, toMs }: Span,
  widthPx: number,
  minPx = 90,
): { readonly stepMs: number; readonly at: number[] } {
  const minStepMs = ((toMs - fromMs) * minPx) / Math.max(1, widthPx);
  const stepMs = TICK_STEPS_MS.find((step) => step >= minStepMs) ?? Math.ceil(minStepMs / 3_600_000) * 3_600_000;
  const at: number[] = [];
  for (let ms = Math.ceil(fromMs / stepMs) * stepMs; ms <= toMs; ms += stepMs) at.push(ms);
  return { stepMs, at };
}

const TICK_STEPS_MS = [100, 250, 500, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600].map((n, i) =>
  i < 3 ? n : n * 1_000,
);

/** Returns a window made narrower or wider around a moment. Its width stays between one second and one day. */
export function zoom({ fromMs, toMs }: Span, aroundMs: number, factor: number): Span {
  const width = Math.min(86_400_000, Math.max(1_000, (toMs - fromMs) * factor));
  const share = (aroundMs - fromMs) / Math.max(1, toMs - fromMs);
  return { fromMs: aroundMs - share * width, toMs: aroundMs + (1 - share) * width };
}
