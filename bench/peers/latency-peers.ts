import type { Sampling } from '../clients/latency-client.js';
import { commandPath, modelPath, packagePath } from '../installed.js';
import type { StartWatcher } from '../watcher.js';

/** A peer. Slow ones have fewer samples and bursts, because a burst can take them seconds. */
interface Peer extends Sampling {
  readonly name: string;
  readonly watcher: StartWatcher;
}

const library =
  (name: 'chokidar' | '@parcel/watcher'): StartWatcher =>
  async (start, root) => {
    const { ready } = await start<{ url: string }>('peers/library-watcher', { root, name, path: packagePath(name) });
    return { is: 'packed', ...ready };
  };

const model =
  (pollSeconds: number): StartWatcher =>
  () => {
    commandPath('python3');
    return Promise.resolve({ is: 'model', script: modelPath(), pollSeconds });
  };

const command =
  (is: 'inotifywait' | 'watchman'): StartWatcher =>
  () => {
    commandPath(is);
    return Promise.resolve({ is });
  };

export const PEERS: readonly Peer[] = [
  { name: 'inotifywait, pipe', watcher: command('inotifywait'), samples: 120, pauseMs: 2 },
  { name: 'chokidar + ws', watcher: library('chokidar'), samples: 5, pauseMs: 4, warmUpMs: 0, bursts: 1 },
  { name: 'watchman, pipe', watcher: command('watchman'), samples: 12, pauseMs: 20 },
  { name: '@parcel/watcher + ws', watcher: library('@parcel/watcher'), samples: 5, pauseMs: 100, bursts: 1 },
  { name: 'model of the original, 10 ms', watcher: model(0.01), samples: 20, pauseMs: 10 },
  { name: 'model of the original, 1 s', watcher: model(1), samples: 1, pauseMs: 1_000, warmUpMs: 0 },
];
