import { CLIENT_OPTIONS, type BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { checkUrl } from './bus-url.js';
import { nodeDial, type Address, type TlsOptions } from './node-channel.js';
import { opened } from './opened.js';
import { ANY_TEXT, ANYTHING, CALL, checkOptions, FLAG, PEM, TEXT, type OptionTable } from './option-table.js';
import { findRepositoryBus } from './repository-bus.js';
import { dialWithToken, type GetToken } from './token-dial.js';

export interface ConnectOptions extends ClientOptions, TlsOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. @default what the repository's server says of itself */
  readonly url?: string | undefined;
  /** Goes only to a `url` that is given, too. @default what the repository's server says, where `url` is its own */
  readonly token?: string | undefined;
  /** Asked for the token before every attempt to connect. */
  readonly getToken?: GetToken | undefined;
  /** A directory in the repository whose bus is wanted. @default the working directory */
  readonly root?: string | undefined;
}

/** What a server says of itself beside url and token: `connect(await server.start())` takes it whole. */
const ENDPOINT_FIELDS: Readonly<Record<string, OptionTable<{ field: unknown }>['field']>> = {
  pid: ANYTHING,
  version: ANYTHING,
  started_at: ANYTHING,
  boot_id: ANYTHING,
  process_started: ANYTHING,
  uid: ANYTHING,
};

export const CONNECT_OPTIONS: OptionTable<ConnectOptions> = {
  ...ENDPOINT_FIELDS,
  ...CLIENT_OPTIONS,
  url: ANY_TEXT,
  token: TEXT,
  getToken: CALL,
  root: TEXT,
  ca: PEM,
  cert: PEM,
  key: PEM,
  passphrase: ANY_TEXT,
  servername: ANY_TEXT,
  rejectUnauthorized: FLAG,
};

/**
 * Connects to a bus: with nothing said, to that of the repository around the working directory. No token is sent before the
 * server has shown that it knows it, except to a `url` that is given together with a `token`.
 * @throws BusError `no-endpoint`, `untrusted-endpoint`, `unreachable`, `untrusted`, `unauthorized`, `forbidden`, `bad-option`;
 *   the signal's reason, where it aborts before there is a connection.
 */
export async function connect(options: ConnectOptions = {}): Promise<BusClient> {
  checkOptions('connect', options, CONNECT_OPTIONS);
  const { url, token, getToken, root, ...others } = options;
  const { ca, cert, key, passphrase, servername, rejectUnauthorized, ...rest } = others;
  const tls = { ca, cert, key, passphrase, servername, rejectUnauthorized };
  if (url !== undefined) checkUrl(url);
  if (token !== undefined && getToken !== undefined) {
    throw new BusError('bad-option', 'token and getToken are both given', 'give one of them');
  }
  const find = (given = token) => addressOf({ url, token: given, root });
  const dial = getToken
    ? dialWithToken(getToken, (given) => nodeDial(() => find(given), tls))
    : nodeDial(() => find(), tls);
  return opened(dial, clientOptions(rest));
}

/** Connects to wherever a bus is at each attempt. @throws BusError */
export async function connectTo(find: () => Address, options: ClientOptions = {}): Promise<BusClient> {
  return opened(nodeDial(find), options);
}

/** Those of a client, without what else an endpoint says. */
function clientOptions(given: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name in CLIENT_OPTIONS));
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
