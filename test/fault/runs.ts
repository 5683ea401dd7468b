import { overflow } from './01-overflow.js';
import { order } from './02-order.js';
import { cutFrames } from './03-cut-frames.js';
import { stalledClient } from './04-stalled-client.js';
import { killedSockets } from './05-killed-sockets.js';
import { bookmarks } from './06-bookmarks.js';
import { cutInAStorm } from './07-cut-in-a-storm.js';
import { filtersAndCaps } from './08-filters-and-caps.js';
import { killedServer } from './09-killed-server.js';
import { durable } from './10-durable.js';
import { fullDisk } from './11-full-disk.js';
import { noWatches } from './12-no-watches.js';
import { swappedDirectories } from './13-swapped-directories.js';
import { tornWrites } from './14-torn-writes.js';
import { readErrors } from './15-read-errors.js';
import { clocks } from './16-clocks.js';
import { badNeighbours } from './17-bad-neighbours.js';
import { oneOwner } from './18-one-owner.js';
import { stalledCrowd } from './19-stalled-crowd.js';
import { shutdown } from './20-shutdown.js';
import { largeSnapshots } from './21-large-snapshots.js';
import { stopAndGo } from './22-stop-and-go.js';
import { floodsOnNative, floodsOnWs } from './23-floods.js';
import { falseFreeOnNative, falseFreeOnWs } from './24-false-free.js';
import type { FaultRun } from './support/fault-run.js';

/** The runs in the order of the table in docs/FAULTS.md. */
export const RUNS: readonly FaultRun[] = [
  overflow,
  order,
  cutFrames,
  stalledClient,
  killedSockets,
  bookmarks,
  cutInAStorm,
  filtersAndCaps,
  killedServer,
  durable,
  fullDisk,
  noWatches,
  swappedDirectories,
  tornWrites,
  readErrors,
  clocks,
  badNeighbours,
  oneOwner,
  stalledCrowd,
  shutdown,
  largeSnapshots,
  stopAndGo,
  floodsOnNative,
  floodsOnWs,
  falseFreeOnNative,
  falseFreeOnWs,
];
