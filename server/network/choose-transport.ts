import type { Log } from '../runtime/log.js';
import type { TransportChoice } from '../config/options.js';
import { loadNativeEngine } from './uws/native-engine.js';
import type { Transport } from './transport.js';
import { UwsTransport } from './uws/uws-transport.js';
import { WsTransport } from './ws/ws-transport.js';

/**
 * Returns the chosen engine. `auto` is the native engine, or `ws` if no build of that one can be loaded; then a warning is logged.
 * @param allowed SHA-256 of native binaries that are allowed beside the known ones.
 * @throws Error if `choice` is `uws` and the native engine cannot be loaded.
 */
export function chooseTransport(choice: TransportChoice, log: Log, allowed: readonly string[] = []): Transport {
  if (choice === 'ws') return new WsTransport();
  const native = loadNativeEngine(allowed);
  if (native.is === 'loaded') {
    log.info({}, `engine: ${native.said}`);
    return new UwsTransport(native.engine);
  }
  const { said, cure } = native;
  if (choice === 'uws') throw new Error(`${said}; ${cure}, or choose --transport ws`);
  log.warn({}, `engine: ws, which is slower: ${said}. For the native engine: ${cure}`);
  return new WsTransport();
}
