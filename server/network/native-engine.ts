import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NATIVE_ENGINE_SHA256 } from './native-engine-sha256.js';
import type { UwsEngine } from './uws-transport.js';

/** Why the native engine is not used, and what to do about it. */
export class NativeEngineError extends Error {
  override readonly name = 'NativeEngineError';
  constructor(
    /** `absent`: there is no binary; `unknown-binary`: its hash is neither known nor allowed; `failed`: it does not load here. */
    readonly reason: 'absent' | 'unknown-binary' | 'failed',
    message: string,
    readonly cure: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A native binary whose hash is known or allowed. */
export interface NativeBinary {
  readonly file: string;
  readonly sha256: string;
}

const INSTALL =
  'npm install uWebSockets.js@npm:uws-pack@20.0.8 on Node 20 or 22, or an official build of that name with --native-engine-sha256';

/**
 * Finds the binary of the native engine for this process, and checks its SHA-256. To hash its 7 MB takes 17 ms on a processor without
 * SHA instructions and a third of that with them, once when a server starts.
 * @param allowed SHA-256 of binaries that are allowed beside those that this program was tested with.
 * @throws NativeEngineError
 */
export function findNativeBinary(
  allowed: readonly string[],
  directory: string | undefined = packageDirectory(),
): NativeBinary {
  const { platform, arch, versions } = process;
  const name = `uws_${platform}_${arch}_${versions.modules}.node`;
  // The first path is that of the repack (uws-pack), the second that of the official build.
  const file =
    directory && [join(directory, 'dist', 'bin', name), join(directory, name)].find((path) => existsSync(path));
  if (file === undefined || file === '') {
    const here = `Node ${versions.node} (${platform} ${arch})`;
    throw new NativeEngineError('absent', `uWebSockets.js has no build for ${here} that can be found`, INSTALL);
  }
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  if (NATIVE_ENGINE_SHA256[name] === sha256 || allowed.includes(sha256)) return { file, sha256 };
  throw new NativeEngineError(
    'unknown-binary',
    `the native engine is not loaded, because ${name} is none of the binaries that are known (SHA-256 ${sha256})`,
    `install uws-pack@20.0.8 again, or allow this binary, if it is an official build, with --native-engine-sha256 ${sha256}`,
  );
}

/**
 * Loads the checked binary directly. The JavaScript around it in its package never runs.
 * @throws NativeEngineError
 */
export function loadNativeEngine({ file }: NativeBinary): UwsEngine {
  try {
    // The engine reads this variable when it is loaded. The bound is the same as for the other engine, in bytes.
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '10240';
    return createRequire(import.meta.url)(file) as UwsEngine;
  } catch (error) {
    const here = `Node ${process.versions.node} (${process.platform} ${process.arch})`;
    throw new NativeEngineError('failed', `uWebSockets.js does not load on ${here}`, INSTALL, { cause: error });
  }
}

/** The directory where Node finds the package; `undefined` if there is none, or before Node 20.6, which has no `import.meta.resolve`. */
function packageDirectory(): string | undefined {
  try {
    const entry = fileURLToPath(import.meta.resolve('uWebSockets.js'));
    for (let dir = dirname(entry); dir !== dirname(dir); dir = dirname(dir)) {
      if (existsSync(join(dir, 'package.json'))) return dir;
    }
    return dirname(entry);
  } catch {
    return undefined;
  }
}
