import type { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { NativeWatcher, type WatchFunction } from '../../../server/watch/native-watcher.js';
import type { Mechanism } from '../../../server/watch/watcher.js';

/** Watches by the mechanism that a world has, whatever the machine has on which it is simulated. */
export class SimulatedWatcher extends NativeWatcher {
  override readonly mechanism: Mechanism;

  constructor(mechanism: Mechanism, directories: CheckedDirectories, watch: WatchFunction) {
    super(directories, watch);
    this.mechanism = mechanism;
  }
}
