import type { FileSystem } from '../repository/index.js';

/** The mechanism by which a watcher notices changes. */
export type Mechanism = 'inotify' | 'kqueue' | 'FSEvents' | 'ReadDirectoryChangesW' | 'event ports' | 'polling';

/** What a watcher's hints leave out: everything that is decided about watching follows from this one value. */
export interface Completeness {
  /** What a hint names: the file, or only the directory. `nothing`: there are no hints. */
  readonly names: 'files' | 'directories' | 'nothing';
  /** Whether a write into a file that exists gives a hint. */
  readonly inPlace: 'hinted' | 'silent';
  /**
   * Whether another system can change the files, which gives no hint here. `possible`: nothing here can tell. `silent`: it is
   * known of the file system, or changes have come without a hint.
   */
  readonly otherEnd: 'none' | 'possible' | 'silent';
  /** Whether watching one more directory can lose hints of the others. */
  readonly rearming: 'exact' | 'loses';
  /** How late a hint may be in ordinary operation, milliseconds; 0 if it comes with the next poll of the event loop. */
  readonly latencyMs: number;
}

/** What hints leave out, in words for `health.misses`. */
export type Miss = 'everything' | 'in-place' | 'other-end' | 'gaps';

type OfMechanism = Omit<Completeness, 'otherEnd'>;

const EXACT: OfMechanism = { names: 'files', inPlace: 'hinted', rearming: 'exact', latencyMs: 0 };

/** By mechanism. What the file system and the self-test say is added to it. */
const BY_MECHANISM: Readonly<Record<Mechanism, OfMechanism>> = {
  inotify: EXACT,
  ReadDirectoryChangesW: EXACT,
  // libuv opens one stream for all directories, opens it again for each further one, and asks for a latency of 50 ms.
  FSEvents: { names: 'files', inPlace: 'hinted', rearming: 'loses', latencyMs: 50 },
  // A vnode's notification says that the entries of a directory changed.
  kqueue: { names: 'directories', inPlace: 'silent', rearming: 'exact', latencyMs: 0 },
  'event ports': { names: 'directories', inPlace: 'silent', rearming: 'exact', latencyMs: 0 },
  polling: { names: 'nothing', inPlace: 'silent', rearming: 'exact', latencyMs: 0 },
};

const OTHER_END: Readonly<Record<FileSystem['is'], Completeness['otherEnd']>> = {
  local: 'none',
  layered: 'possible',
  unreported: 'possible',
  shared: 'silent',
  unknown: 'silent',
};

/** What is known before anything was tried. */
export function completenessOf(mechanism: Mechanism, fileSystem: FileSystem): Completeness {
  return { ...BY_MECHANISM[mechanism], otherEnd: OTHER_END[fileSystem.is] };
}

/** Whether each change that this system makes gives a hint with its name by the next poll of the event loop. */
export function isPrompt({ names, inPlace, rearming, latencyMs }: Completeness): boolean {
  return names === 'files' && inPlace === 'hinted' && rearming === 'exact' && latencyMs === 0;
}

/** Whether hints alone may decide that a lease ends: they are prompt, and no other system changes the files. */
export function mayEndLeases(completeness: Completeness): boolean {
  return isPrompt(completeness) && completeness.otherEnd === 'none';
}

/** How often what gives no hint is looked for. */
export interface CheckPlan {
  /** Between two looks at the status of each directory, which changes when its entries do. */
  readonly sweepMs: number;
  /** Between two comparisons of all files, at least. */
  readonly compareMs: number;
  /** After a comparison that occupied the loop for t, the next one waits this many t, at least. */
  readonly restFactor: number;
}

/** If hints are complete, the directories are looked at this often: whenever the path is checked. */
const SWEEP_MS = 1_000;
/** If another end may write, its change is delivered within a second. */
const OTHER_END_SWEEP_MS = 250;
/** If hints come late or with gaps, a look at the directories is faster than they are. It takes 15 µs. */
const LATE_HINTS_SWEEP_MS = 10;
const OTHER_END_COMPARE_MS = 500;
const IN_PLACE_COMPARE_MS = 1_000;
/** A quarter of a percent of a core. */
const REST_FACTOR = 400;
/** Two percent of a core, if comparisons are the only way to notice some changes. */
const ONLY_WAY_REST_FACTOR = 50;

/** @returns how often to look, given how often an operator wants comparisons and, if there are no hints, readings. */
export function checkPlanOf(
  completeness: Completeness,
  { reconcileMs, pollIntervalMs }: { readonly reconcileMs: number; readonly pollIntervalMs: number },
): CheckPlan {
  const { names, inPlace, otherEnd, rearming, latencyMs } = completeness;
  if (names === 'nothing')
    return {
      sweepMs: Math.min(pollIntervalMs, SWEEP_MS),
      compareMs: pollIntervalMs,
      restFactor: ONLY_WAY_REST_FACTOR,
    };
  const isLate = rearming === 'loses' || latencyMs > LATE_HINTS_SWEEP_MS;
  const isWrittenElsewhere = otherEnd !== 'none';
  const sweepMs = isLate ? LATE_HINTS_SWEEP_MS : isWrittenElsewhere ? OTHER_END_SWEEP_MS : SWEEP_MS;
  if (isWrittenElsewhere)
    return { sweepMs, compareMs: Math.min(reconcileMs, OTHER_END_COMPARE_MS), restFactor: ONLY_WAY_REST_FACTOR };
  if (inPlace === 'silent')
    return { sweepMs, compareMs: Math.min(reconcileMs, IN_PLACE_COMPARE_MS), restFactor: ONLY_WAY_REST_FACTOR };
  return { sweepMs, compareMs: reconcileMs, restFactor: REST_FACTOR };
}

/** @returns what gives no hint; empty if hints are complete. */
export function missesOf({ names, inPlace, otherEnd, rearming }: Completeness): readonly Miss[] {
  if (names === 'nothing') return ['everything'];
  const misses: Miss[] = [];
  if (inPlace === 'silent') misses.push('in-place');
  if (otherEnd !== 'none') misses.push('other-end');
  if (rearming === 'loses') misses.push('gaps');
  return misses;
}
