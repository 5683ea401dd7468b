/**
 * `watching`: every directory can be seen. `suspect`: something cannot be seen; its known records stay current but may be old, and no lease
 * ends that an unseen record might prolong. `gone`: the repository is no longer at its path, or another one is; no record is published as
 * removed, and the server stops if the repository does not come back.
 */
export type WatchState = 'watching' | 'suspect' | 'gone';

/** The state of watching, as heartbeats and `/readyz` report it. */
export interface WatchHealth {
  /** The mechanism in use: inotify, kqueue, FSEvents, polling, … */
  readonly backend: string;
  /** Whether every directory is watched and can be seen. */
  readonly healthy: boolean;
  /** What can be seen of the files. Missing if the server is too old to report it. */
  readonly state?: WatchState;
  /** Unless `watching`: since when, Unix milliseconds. */
  readonly since?: number;
  /** Unless `watching`: what cannot be seen, in words. */
  readonly why?: string;
  /** Time of the last full comparison with the directories, Unix milliseconds. */
  readonly last_scan_ms: number;
  /**
   * What gives no notification and is found by comparison only: `everything`, `in-place` (writes into files that exist), `other-end`
   * (what another system may write), `gaps`. Missing if notifications are complete.
   */
  readonly misses?: readonly string[];
  /** If `misses` is there: the files are compared this often, milliseconds. With very many files less often. */
  readonly compared_every_ms?: number;
  /**
   * While a lease that has run out does not end yet: why, in words. The machine has slept, its clock was set ahead, or the server was
   * stopped, and holders get time to extend their leases.
   */
  readonly leases_wait?: string;
  /** If `leases_wait` is there: until when, Unix milliseconds. */
  readonly leases_wait_until_ms?: number;
  /** At an edge: whether the origin, which watches the files, has sent a heartbeat recently. */
  readonly origin?: 'present' | 'away';
  /** At an edge whose origin is away: the time of the origin's last heartbeat, Unix milliseconds. */
  readonly origin_heard_ms?: number;
}
