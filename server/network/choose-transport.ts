import type { Log } from '../runtime/log.js';
import type { TransportChoice } from '../config/options.js';
import { findNativeBinary, loadNativeEngine, NativeEngineError } from './native-engine.js';
import type { Transport } from './transport.js';
import { UwsTransport } from './uws-transport.js';
import { WsTransport } from './ws-transport.js';

/**
 * The engine asked for, or the best that may be loaded and loads.
 * @param allowed SHA-256 of native binaries beside those that are known.
 * @throws Error where `uws` is asked for and is not to be had.
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
