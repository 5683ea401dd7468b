import type { StartWatcher } from '../latency.js';

interface Peer {
  readonly name: string;
  readonly watcher: StartWatcher;
  readonly samples: number;
  readonly pauseMs: number;
}

export const PEERS: readonly Peer[] = [];
