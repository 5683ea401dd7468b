import type { BenchOptions } from './bench.js';
import type { Start } from './child.js';
import type { Source } from './clients/feed.js';

/** Starts what watches, and says where a client hears of it. */
export type StartWatcher = (start: Start, root: string, options: BenchOptions) => Promise<Source>;
