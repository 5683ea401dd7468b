import type { WatchHealth } from '../../protocol/index.js';

/** A server cannot tell what all files are: why, and since when (Unix milliseconds), if it knows that. */
export interface Unseen {
  readonly why: string;
  readonly sinceMs: number | undefined;
  /** Whether it sees no file at all, so that nothing after `sinceMs` is known. */
  readonly isAll: boolean;
}

/**
 * Returns why a server does not see all files; `undefined` if it does. An older server sends no `state`, only `healthy`. An edge sees the files
 * through its origin, so it sees nothing while the origin is away.
 */
export function unseenOf(health: WatchHealth): Unseen | undefined {
  const { origin, origin_heard_ms, state, healthy, why, since, backend } = health;
  if (origin === 'away') return { why: 'the origin of this edge is away', sinceMs: origin_heard_ms, isAll: true };
  if (state === undefined ? healthy : state === 'watching') return undefined;
  return { why: why ?? `the watcher (${backend}) is unhealthy`, sinceMs: since, isAll: state === 'gone' };
}
