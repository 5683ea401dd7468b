import { CloseCode } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Channel, Dial } from './channel.js';

/** What a token is asked of, before every attempt to connect. */
export type GetToken = () => string | Promise<string>;

/** A dial whose token is asked for anew each time; where it cannot be had, the attempt fails like one that reaches nobody. */
export function dialWithToken(getToken: GetToken, dialWith: (token: string) => Dial): Dial {
  return (listener) => {
    let channel: Channel | undefined;
    let isClosed = false;
    const begin = (token: unknown): void => {
      if (isClosed) return;
      if (typeof token !== 'string' || token === '') throw new Error('it gave no token');
      channel = dialWith(token)({
        message: (message) => {
          listener.message(message);
        },
        closed: (code, reason, error) => {
          // The token that is no longer accepted was the last one.
          const isOutdated = code === (CloseCode.unauthorized as number);
          listener.closed(isOutdated ? 1006 : code, reason, error);
        },
      });
    };
    const fail = (error: unknown): void => {
      if (isClosed) return;
      const text = `getToken has failed: ${error instanceof Error ? error.message : String(error)}`;
      const known = error instanceof BusError ? error : new BusError('unreachable', text, '', { cause: error });
      listener.closed(1006, '', known);
    };
    Promise.resolve().then(getToken).then(begin).catch(fail);
    return {
      send: (message) => channel?.send(message),
      close: () => {
        isClosed = true;
        channel?.close();
      },
    };
  };
}
