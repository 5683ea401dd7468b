import { MessageType, packMessage, SUBPROTOCOLS, type FilterInput } from '../../protocol/index.js';
import { BusReader, PackedReader } from './payload-reader.js';
import type { Dialect } from './raw-socket.js';

/** Where counting clients connect, and what they speak. */
export type CountedSource =
  | { readonly is: 'bus'; readonly url: string; readonly token: string; readonly filter?: FilterInput }
  | { readonly is: 'packed'; readonly url: string };

export function dialectOf(source: CountedSource): Dialect {
  switch (source.is) {
    case 'bus': {
      const options = { snapshot: 'none', ...(source.filter ? { filter: source.filter } : {}) };
      return {
        headers: [`Sec-WebSocket-Protocol: ${SUBPROTOCOLS.msgpack}`, `Authorization: Bearer ${source.token}`],
        greeting: [packMessage([MessageType.subscribe, 1, options])],
        reader: () => new BusReader(),
      };
    }
    case 'packed':
      return { headers: [], greeting: [], reader: () => new PackedReader() };
  }
}
