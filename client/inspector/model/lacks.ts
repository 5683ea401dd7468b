import { beginsAnew, type Beginning } from './entry.js';
import { formatMoment, plural, type Zone } from './format.js';
import type { Timeline } from './timeline.js';

/** What a capture does not have of the history of its bus. */
export interface Lacks {
  /** Where it begins; `undefined` if it is empty. */
  readonly fromMs: number | undefined;
  /** Why it begins there. `evicted`: earlier events were captured, and did not fit. `connected`: with the page's connection. */
  readonly why: Beginning | 'evicted' | 'connected';
  /** Heartbeats that are missing after the beginning. */
  readonly beats: number;
  /** How often events in between are missing: the bus no longer had them, or was not running. */
  readonly gaps: number;
}

export function lacksOf({
  capture,
  beginning,
  leftOutBeats,
}: Pick<Timeline, 'capture' | 'beginning' | 'leftOutBeats'>): Lacks {
  const first = capture.first();
  let gaps = 0;
  for (const entry of capture.range(0, capture.length))
    if (entry.what === 'mark' && (beginsAnew(entry.mark) || entry.mark.type === 'gap')) gaps++;
  const isEvicted = capture.dropped > capture.droppedBeats;
  return {
    fromMs: first?.atMs,
    why: isEvicted ? 'evicted' : (beginning ?? 'connected'),
    beats: capture.droppedBeats + leftOutBeats,
    gaps,
  };
}

/** In words, after the number of events: `from 14:01:02, where the bus's history begins; complete`. */
export function lackWords({ fromMs, why, beats, gaps }: Lacks, nowMs: number, zone: Zone): string {
  const begins = fromMs === undefined ? '' : `from ${formatMoment(fromMs, nowMs, zone)} (${WHY[why]}); `;
  const missing = [
    ...(beats === 0 ? [] : [plural(beats, 'heartbeat')]),
    ...(gaps === 0 ? [] : [`the events of ${plural(gaps, 'gap')}`]),
  ];
  return `${begins}${missing.length === 0 ? 'nothing is missing since' : `${missing.join(' and ')} missing since`}`;
}

const WHY: Readonly<Record<Lacks['why'], string>> = {
  epoch: 'the beginning of the history',
  compacted: 'the bus had no earlier events',
  asked: 'earlier events were not asked for',
  bounded: 'earlier events would not fit',
  unavailable: 'the bus did not answer for earlier ones',
  kept: 'this browser kept nothing earlier',
  evicted: 'earlier events were evicted',
  connected: 'when this page connected',
};
