import { findNativeBinary, loadNativeEngine, NativeEngineError } from './transport/native-engine.js';
import { CheckedDirectories } from './watch/checked-directories.js';
import { CoordinationDir } from './watch/coordination-dir.js';
import { NativeWatcher } from './watch/native-watcher.js';
import type { HintSink } from './watch/watcher.js';

/** Whether the kernel takes watches on a repository's directories. That hints then arrive is proven by a server when it starts. */
export interface WatchDiagnosis {
  readonly mechanism: string;
  /** Why the directories cannot be watched; `undefined` where they can. */
  readonly fault: string | undefined;
}

/** Asks the kernel and writes nothing. @throws CoordinationDirError where the directories cannot be read as they are. */
export function diagnoseWatching(root: string): WatchDiagnosis {
  const directories = new CheckedDirectories(new CoordinationDir(root));
  directories.open();
  const watcher = new NativeWatcher(directories);
  const { mechanism } = watcher;
  try {
    watcher.start(NOBODY);
    return { mechanism, fault: undefined };
  } catch (error) {
    return { mechanism, fault: (error as Error).message };
  } finally {
    watcher.stop();
    directories.close();
  }
}

const nothing = (): void => undefined;
const NOBODY: HintSink = { file: nothing, directory: nothing, way: nothing, notified: nothing, everything: nothing };

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
