import type { Log } from '../runtime/log.js';
import type { TransportChoice } from '../config/options.js';
import { findNativeBinary, loadNativeEngine, NativeEngineError } from './native-engine.js';
import type { Transport } from './transport.js';
import { UwsTransport } from './uws-transport.js';
import { WsTransport } from './ws-transport.js';

/**
 * Returns the chosen engine. `auto` is the native engine, or `ws` if that one cannot be loaded; then a warning is logged.
 * @param allowed SHA-256 of native binaries that are allowed beside the known ones.
 * @throws Error if `choice` is `uws` and the native engine cannot be loaded.
 */
export function chooseTransport(choice: TransportChoice, log: Log, allowed: readonly string[] = []): Transport {
  if (choice === 'ws') return new WsTransport();
  try {
    return new UwsTransport(loadNativeEngine(findNativeBinary(allowed)));
  } catch (error) {
    if (!(error instanceof NativeEngineError)) throw error;
    const { message, cure } = error;
    if (choice === 'uws') throw new Error(`${message}; ${cure}, or choose --transport ws`, { cause: error });
    log.warn({}, `${message}: serving with ws, which is slower. ${cure}`);
    return new WsTransport();
  }
}
