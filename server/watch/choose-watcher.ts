import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { BackendChoice } from '../config/options.js';
import type { CheckedDirectories } from './checked-directories.js';
import { fileSystemAt, leastReliable, type FileSystem } from '../repository/index.js';
import { NativeWatcher } from './native-watcher.js';
import { PollingWatcher } from './polling-watcher.js';
import { selfTest } from './self-test.js';
import type { Watcher } from './watcher.js';

const nativeOn = (directories: CheckedDirectories, fileSystem: FileSystem): NativeWatcher =>
  new NativeWatcher(directories, undefined, undefined, fileSystem, fileSystemAt);

/**
 * Returns the watcher for a choice. `auto` takes the kernel's mechanism if no other system can change the files and it passes a
 * self-test, and otherwise polling, with a warning. A self-test alone proves nothing there: it writes through this kernel.
 * @throws Error if the choice is `native` and the self-test fails.
 */
export async function chooseWatcher(
  choice: BackendChoice,
  directories: CheckedDirectories,
  clock: Clock,
  log: Log,
  pollIntervalMs: number,
  fileSystem: FileSystem = fileSystemOf(directories),
): Promise<Watcher> {
  if (choice === 'polling') return new PollingWatcher(fileSystem);
  const native = nativeOn(directories, fileSystem);
  const foreign = choice === 'auto' ? foreignWriters(fileSystem) : undefined;
  if (foreign !== undefined) {
    const text = `${foreign}; polling every ${String(pollIntervalMs)} ms`;
    log.warn({ mechanism: native.mechanism, why: foreign }, text);
    return new PollingWatcher(fileSystem, native);
  }
  const failure = await selfTest(native, directories, clock);
  if (failure === undefined) return native;
  const text = `${native.mechanism} does not work on ${directories.dir.coordination}: ${failure}`;
  if (choice === 'native') throw new Error(`${text}; choose --backend auto or polling`);
  log.warn(
    { mechanism: native.mechanism, why: failure },
    `${text}; polling every ${String(pollIntervalMs)} ms instead`,
  );
  return new PollingWatcher(fileSystem);
}

/** Returns the watcher of a read-only watch, which cannot write the file of a self-test: the kernel's mechanism if it can be trusted. */
export function chooseWithoutWriting(choice: BackendChoice, directories: CheckedDirectories): Watcher {
  const fileSystem = fileSystemOf(directories);
  const isUnreliable = choice === 'polling' || whyNotNative(directories) !== undefined;
  return isUnreliable ? new PollingWatcher(fileSystem) : nativeOn(directories, fileSystem);
}

/** @returns why the kernel's hints may not arrive; `undefined` if no reason can be found without writing a file. */
export function whyNotNative(directories: CheckedDirectories): string | undefined {
  const foreign = foreignWriters(fileSystemOf(directories));
  if (foreign !== undefined) return foreign;
  const native = new NativeWatcher(directories);
  const ignore = (): void => undefined;
  try {
    native.start({ file: ignore, directory: ignore, ancestor: ignore, notified: ignore, everything: ignore });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    native.stop();
  }
}

/** The file system of the records. The directory of each kind may be a mount of its own; one that does not exist will be made in its parent. */
function fileSystemOf({ places, dir }: CheckedDirectories): FileSystem {
  const above = places.findLast(({ kind, reach }) => kind === undefined && reach !== undefined)?.reach ?? dir.muse;
  const paths = places.flatMap(({ kind, reach }) => (kind === undefined ? [] : [reach ?? above]));
  const [first = fileSystemAt(above), ...others] = paths.map((path) => fileSystemAt(path));
  return leastReliable(first, ...others);
}

/** Why changes may come from elsewhere without a hint; `undefined` if that is not known of the file system. */
function foreignWriters(fileSystem: FileSystem): string | undefined {
  switch (fileSystem.is) {
    case 'shared':
      return `changes on ${fileSystem.name} that are made elsewhere give no hint here`;
    case 'unknown':
      return `it is not known who else writes on ${fileSystem.name}`;
    case 'local':
    case 'layered':
    case 'unreported':
      return undefined;
  }
}
