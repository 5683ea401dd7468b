import type { BenchOptions } from './bench.js';
import type { Start } from './child.js';
import type { Source } from './clients/feed.js';

/** Starts a watcher. @returns the source that a client reads its events from. */
export type StartWatcher = (start: Start, root: string, options: BenchOptions) => Promise<Source>;
