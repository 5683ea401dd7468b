import { CLIENT_OPTIONS, type BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { httpUrl } from './bus-url.js';
import type { Dial } from './channel.js';
import { nodeDial, type Address, type TlsOptions } from './node-channel.js';
import { opened } from './opened.js';
import { ANY_TEXT, ANYTHING, CALL, checkOptions, FLAG, PEM, TEXT, URLS, type OptionTable } from './option-table.js';
import { findRepositoryBus } from './repository-bus.js';
import { ServersInTurn } from './servers-in-turn.js';
import { dialWithToken, type GetToken } from './token-dial.js';

/** Which bus {@link connect} connects to, and how; all options are optional. */
export interface ConnectOptions extends ClientOptions, TlsOptions {
  /**
   * URL of the bus's WebSocket, for example `ws://127.0.0.1:6873`; or those of several edges of one repository, which share a token. The
   * client begins with a random one and goes to the next when one ends or cannot be reached. @default the url in the repository's endpoint file
   */
  readonly url?: string | readonly string[] | undefined;
  /**
   * The token of the bus. It is sent only to a `url` that the caller also gives, or to the repository's own bus if it is that bus's token.
   * @default the token in the repository's endpoint file, if `url` is absent or is the url in that file
   */
  readonly token?: string | undefined;
  /** Returns the token; called before every attempt to connect. Cannot be combined with `token`. */
  readonly getToken?: GetToken | undefined;
  /** A directory in the repository whose bus to connect to. @default the working directory */
  readonly root?: string | undefined;
}

/** The fields of an endpoint besides url and token. They are accepted and ignored, so that `connect(await server.start())` works. */
const ENDPOINT_FIELDS: Readonly<Record<string, OptionTable<{ field: unknown }>['field']>> = {
  pid: ANYTHING,
  version: ANYTHING,
  started_at: ANYTHING,
  boot_id: ANYTHING,
  process_started: ANYTHING,
  pid_namespace: ANYTHING,
  uid: ANYTHING,
  repository: ANYTHING,
};

export const CONNECT_OPTIONS: OptionTable<ConnectOptions> = {
  ...ENDPOINT_FIELDS,
  ...CLIENT_OPTIONS,
  url: URLS,
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
 * Connects to a bus; without options, to the bus of the repository around the working directory. The client sends the token only after
 * the server has proved that it knows the token. The exception is a `url` that the caller gives together with a token.
 * @returns the client, once the server has welcomed it.
 * @throws BusError `no-endpoint`, `untrusted-endpoint`, `unreachable`, `untrusted`, `unauthorized`, `forbidden`, `bad-option`;
 *   the signal's reason, if the signal aborts before the client is connected.
 */
export async function connect(options: ConnectOptions = {}): Promise<BusClient> {
  checkOptions('connect', options, CONNECT_OPTIONS);
  const { url, token, getToken, root, ...others } = options;
  const { ca, cert, key, passphrase, servername, rejectUnauthorized, ...rest } = others;
  const tls = { ca, cert, key, passphrase, servername, rejectUnauthorized };
  const servers = url === undefined ? undefined : new ServersInTurn(typeof url === 'string' ? [url] : url, rest.random);
  if (token !== undefined && getToken !== undefined) {
    throw new BusError('bad-option', 'token and getToken are both given', 'give one of them');
  }
  const dialWith = (given: string | undefined): Dial => {
    const dialAt = (at: string | undefined): Dial => nodeDial(() => addressOf({ url: at, token: given, root }), tls);
    return servers ? servers.dial(dialAt) : dialAt(undefined);
  };
  const dial = getToken ? dialWithToken(getToken, dialWith) : dialWith(token);
  return opened(dial, clientOptions(rest));
}

/** Connects to the address that `find` returns; `find` is called again at each attempt. @throws BusError as {@link connect} does. */
export async function connectTo(find: () => Address, options: ClientOptions = {}): Promise<BusClient> {
  return opened(nodeDial(find), options);
}

/** The options of a client, without the other fields of an endpoint. */
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
  // Below each path of an edge is another repository, with another token.
  return URL.canParse(one) && new URL(one).protocol === new URL(other).protocol && httpUrl(one) === httpUrl(other);
}
