import type { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { NativeWatcher, type WatchFunction } from '../../../server/watch/native-watcher.js';
import type { Mechanism } from '../../../server/watch/completeness.js';

/** A watcher that uses the mechanism of the simulated world, not that of the machine on which the simulation runs. */
export class SimulatedWatcher extends NativeWatcher {
  constructor(mechanism: Mechanism, directories: CheckedDirectories, watch: WatchFunction) {
    super(directories, watch, mechanism);
  }
}
