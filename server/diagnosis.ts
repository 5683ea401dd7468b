import { systemClock } from './clock.js';
import { findNativeBinary, loadNativeEngine, NativeEngineError } from './transport/native-engine.js';
import { CheckedDirectories } from './watch/checked-directories.js';
import { CoordinationDir } from './watch/coordination-dir.js';
import { NativeWatcher } from './watch/native-watcher.js';
import { selfTest } from './watch/self-test.js';

/** Whether the kernel's hints arrive in a repository. */
export interface WatchDiagnosis {
  readonly mechanism: string;
  /** What was not heard; `undefined` where everything was. */
  readonly deaf: string | undefined;
}

/**
 * The self-test that a server makes when it starts; makes the directories where they are missing.
 * @throws CoordinationDirError where they cannot be watched as they are.
 */
export async function diagnoseWatching(root: string): Promise<WatchDiagnosis> {
  const dir = new CoordinationDir(root);
  dir.ensure();
  const directories = new CheckedDirectories(dir);
  directories.open();
  try {
    const watcher = new NativeWatcher(directories);
    return { mechanism: watcher.mechanism, deaf: await selfTest(watcher, directories, systemClock) };
  } finally {
    directories.close();
  }
}

/** The WebSocket engine that a server on this Node would use, and why it is not the native one. */
export type EngineDiagnosis =
  | { readonly engine: 'uws'; readonly file: string; readonly sha256: string }
  | {
      readonly engine: 'ws';
      readonly reason: NativeEngineError['reason'];
      readonly why: string;
      readonly cure: string;
    };

/** @param allowed SHA-256 of native binaries beside those that are known. */
export function diagnoseEngine(allowed: readonly string[] = []): EngineDiagnosis {
  try {
    const binary = findNativeBinary(allowed);
    loadNativeEngine(binary);
    return { engine: 'uws', ...binary };
  } catch (error) {
    if (!(error instanceof NativeEngineError)) throw error;
    return { engine: 'ws', reason: error.reason, why: error.message, cure: error.cure };
  }
}
