import { unixMillis, type UnixMillis } from '../brand.js';
import type { BeatFacts } from './lease-facts.js';

/** A holder is suspect after half of the time for which its last heartbeat extends the lease, within these bounds. */
const MIN_PATIENCE_MS = 5_000;
const MAX_PATIENCE_MS = 90_000;

/** The heartbeats that name one reservation; `undefined` if none does. */
export type Beats = ReadonlySet<BeatFacts> | undefined;

/** Returns the heartbeat that extends a reservation furthest; of equal ones the smaller id, so that all surfaces name the same. */
export function furthestBeat(beats: Beats): BeatFacts | undefined {
  let best: BeatFacts | undefined;
  for (const beat of beats ?? []) {
    const further = (beat.extendedUntil ?? -Infinity) - (best?.extendedUntil ?? -Infinity);
    if (further > 0 || (further === 0 && best !== undefined && beat.id < best.id)) best = beat;
  }
  return best;
}

export function latestBeat(beats: Beats): BeatFacts | undefined {
  let best: BeatFacts | undefined;
  for (const beat of beats ?? []) {
    if (beat.beatAt === undefined) continue;
    const later = beat.beatAt - (best?.beatAt ?? -Infinity);
    if (later > 0 || (later === 0 && best !== undefined && beat.id < best.id)) best = beat;
  }
  return best;
}

/** Returns the time after which a holder has been silent for too long; `undefined` if it never sent a heartbeat with a time. */
export function silenceAfter(beats: Beats): UnixMillis | undefined {
  const beat = latestBeat(beats);
  if (beat?.beatAt === undefined) return undefined;
  const asked = beat.extendedUntil === undefined ? Infinity : beat.extendedUntil - beat.beatAt;
  const patience = Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, asked / 2));
  return unixMillis(beat.beatAt + patience);
}

export function isAnyUnreadable(beats: Beats): boolean {
  for (const { readability } of beats ?? []) if (readability === 'unreadable') return true;
  return false;
}
