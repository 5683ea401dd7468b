import { CLIENT_OPTIONS, type BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { checkUrl } from './bus-url.js';
import { readEndpoint } from './endpoint-file.js';
import { nodeDial, type TlsOptions } from './node-channel.js';
import { opened } from './opened.js';
import { ANY_TEXT, ANYTHING, CALL, checkOptions, FLAG, PEM, TEXT, type OptionTable } from './option-table.js';
import { dialWithToken, type GetToken } from './token-dial.js';

export interface ConnectOptions extends ClientOptions, TlsOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. @default what the repository's endpoint file says */
  readonly url?: string | undefined;
  /** @default what the repository's endpoint file says */
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
};

const CONNECT_OPTIONS: OptionTable<ConnectOptions> = {
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
 * Connects to a bus: with nothing said, to that of the repository around the working directory.
 * @throws BusError `no-endpoint`, `unreachable`, `untrusted`, `unauthorized`, `forbidden`, `bad-option`; the signal's reason,
 *   where it aborts before there is a connection.
 */
export async function connect(options: ConnectOptions = {}): Promise<BusClient> {
  checkOptions('connect', options, CONNECT_OPTIONS);
  const { url, token, getToken, root = process.cwd(), ...others } = options;
  const { ca, cert, key, passphrase, servername, rejectUnauthorized, ...rest } = others;
  const tls = { ca, cert, key, passphrase, servername, rejectUnauthorized };
  if (url !== undefined) checkUrl(url);
  if (token !== undefined && getToken !== undefined) {
    throw new BusError('bad-option', 'token and getToken are both given', 'give one of them');
  }
  const find = (given = token) => {
    if (url !== undefined && given !== undefined) return { url, token: given };
    const found = readEndpoint(root);
    return { url: url ?? found.url, token: given ?? found.token };
  };
  const dial = getToken
    ? dialWithToken(getToken, (given) => nodeDial(() => find(given), tls))
    : nodeDial(() => find(), tls);
  return opened(dial, clientOptions(rest));
}

/** Those of a client, without what else an endpoint says. */
function clientOptions(given: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name in CLIENT_OPTIONS));
}
