/**
 * `watching`: everything can be seen. `suspect`: something cannot; what is known of it stands and may be old, and no lease
 * ends that it might prolong. `gone`: the repository is not at its path any more, or another is; nothing is told as
 * removed, and the server ends if it does not come back.
 */
export type WatchState = 'watching' | 'suspect' | 'gone';

/** The state of watching, as heartbeats and `/readyz` tell it. */
export interface WatchHealth {
  /** The mechanism in use: inotify, kqueue, FSEvents, polling, … */
  readonly backend: string;
  /** Whether every directory is being watched, and everything can be seen. */
  readonly healthy: boolean;
  /** What can be seen of the files. Missing where an older server says nothing of it. */
  readonly state?: WatchState;
  /** Unless `watching`: since when not, Unix milliseconds. */
  readonly since?: number;
  /** Unless `watching`: what cannot be seen, in words. */
  readonly why?: string;
  /** Time of the last full comparison with the directories, Unix milliseconds. */
  readonly last_scan_ms: number;
  /** At an edge: whether the origin, which watches the files, has lately given a sign of life. */
  readonly origin?: 'present' | 'away';
  /** At an edge whose origin is away: when it was last heard of, Unix milliseconds. */
  readonly origin_heard_ms?: number;
}
