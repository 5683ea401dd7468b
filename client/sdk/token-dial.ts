import { CloseCode } from '../../protocol/index.js';
import { BusError } from './bus-error.js';
import type { Channel, Dial } from './channel.js';

/** Returns the token, not empty; called before every attempt to connect. If it throws a `BusError`, that is the attempt's error. */
export type GetToken = () => string | Promise<string>;

/** A dial that asks for the token at each attempt. If `getToken` fails, the attempt fails with `unreachable` and is retried as such. */
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
          // A refused token may be outdated: the next attempt asks for another. So the refusal counts as a broken connection.
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
      bytesOf: (message) => channel?.bytesOf(message) ?? 0,
      close: () => {
        isClosed = true;
        channel?.close();
      },
    };
  };
}
