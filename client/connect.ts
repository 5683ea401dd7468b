import { BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { nodeDial, type Address } from './node-channel.js';
import { findRepositoryBus } from './repository-bus.js';

export interface ConnectOptions extends ClientOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. @default what the repository's server says of itself */
  readonly url?: string;
  /** Goes only to a `url` that is given, too. @default what the repository's server says, where `url` is its own */
  readonly token?: string;
  /** A directory in the repository whose bus is wanted. @default the working directory */
  readonly root?: string;
}

/**
 * Connects to a bus: with nothing said, to that of the repository around the working directory. No token is sent before the
 * server has shown that it knows it, except to a `url` that is given together with a `token`.
 * @throws BusError `no-endpoint`, `untrusted-endpoint`, `unreachable`, `unauthorized`, `forbidden`
 */
export async function connect(options: ConnectOptions = {}): Promise<BusClient> {
  const { url, token, root, ...rest } = options;
  return connectTo(() => addressOf({ url, token, root }), rest);
}

/** Connects to wherever a bus is at each attempt. @throws BusError */
export async function connectTo(find: () => Address, options: ClientOptions = {}): Promise<BusClient> {
  const client = new BusClient(nodeDial(find), options);
  await client.open();
  return client;
}

function addressOf({ url, token, root }: Record<'url' | 'token' | 'root', string | undefined>): Address {
  if (url !== undefined && token !== undefined) return { url, token, isCallers: true };
  const { endpoint } = findRepositoryBus(root ?? process.cwd(), root !== undefined);
  if (url !== undefined && !isSameUrl(url, endpoint.url)) {
    const text = `the token of this repository is for ${endpoint.url} and does not go to another url`;
    throw new BusError('untrusted-endpoint', text, 'give the token of that bus, too');
  }
  if (token !== undefined && token !== endpoint.token) {
    const text = 'a token that is given does not go to a url that was found in a file';
    throw new BusError('untrusted-endpoint', text, 'give the url of that bus, too');
  }
  return { url: endpoint.url, token: endpoint.token, isCallers: false };
}

function isSameUrl(one: string, other: string): boolean {
  return URL.canParse(one) && new URL(one).origin === new URL(other).origin;
}
