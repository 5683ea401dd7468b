import type { Log } from '../log.js';
import type { TransportChoice } from '../options.js';
import type { Transport } from './transport.js';
import { UwsTransport, type UwsEngine } from './uws-transport.js';
import { WsTransport } from './ws-transport.js';

/**
 * The engine asked for, or the best that loads.
 * @throws Error where `uws` is asked for and does not load.
 */
export async function chooseTransport(choice: TransportChoice, log: Log): Promise<Transport> {
  if (choice === 'ws') return new WsTransport();
  try {
    // Read by the engine when it is loaded: the same bound as the other engine's.
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '10240';
    const engine = await import('uWebSockets.js');
    return new UwsTransport(engine as UwsEngine);
  } catch (error) {
    const why = `uWebSockets.js does not load on Node ${process.versions.node} (${process.platform} ${process.arch})`;
    const cure = 'npm install uWebSockets.js@npm:uws-pack@20.0.8 on Node 20 or 22, or an official build of that name';
    if (choice === 'uws') throw new Error(`${why}; ${cure}, or choose --transport ws`, { cause: error });
    log.warn({}, `${why}: serving with ws, which is slower. To add it: ${cure}`);
    return new WsTransport();
  }
}
