import { findNativeBinary, loadNativeEngine, NativeEngineError } from './network/native-engine.js';
import { CheckedDirectories } from './watch/checked-directories.js';
import { whyNotNative } from './watch/choose-watcher.js';
import { CoordinationDir } from './watch/coordination-dir.js';
import { NativeWatcher } from './watch/native-watcher.js';

/** Whether the kernel takes watches on a repository's directories. That hints then arrive is proven by a server when it starts. */
export interface WatchDiagnosis {
  readonly mechanism: string;
  /** Why hints may not arrive; `undefined` where nothing speaks against it. */
  readonly deaf: string | undefined;
}

/**
 * Whether the kernel's hints can be trusted in a repository, as far as that can be known without writing into it.
 * @throws CoordinationDirError where its directories cannot be watched as they are.
 */
export function diagnoseWatching(root: string): WatchDiagnosis {
  const directories = new CheckedDirectories(new CoordinationDir(root));
  directories.open('allowed');
  try {
    return { mechanism: new NativeWatcher(directories).mechanism, deaf: whyNotNative(directories) };
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
