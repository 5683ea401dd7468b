/** The SDK for browsers: the same client over the browser's own WebSocket, and nothing of Node in it. */
import { CLIENT_OPTIONS, type BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import { checkUrl } from './bus-url.js';
import { opened } from './opened.js';
import { CALL, checkOptions, TEXT, type OptionTable } from './option-table.js';
import { dialWithToken, type GetToken } from './token-dial.js';
import { webDial } from './web-channel.js';

export interface ConnectOptions extends ClientOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. */
  readonly url: string;
  /** Needed, unless `getToken` is given. */
  readonly token?: string | undefined;
  /** Asked for the token before every attempt to connect. */
  readonly getToken?: GetToken | undefined;
}

const CONNECT_OPTIONS: OptionTable<ConnectOptions> = { ...CLIENT_OPTIONS, url: TEXT, token: TEXT, getToken: CALL };

/**
 * Connects to a bus.
 * @throws BusError `bad-option`; `unreachable`: a browser does not tell a refusal from silence; the signal's reason, where it
 *   aborts before there is a connection.
 */
export function connect(options: ConnectOptions): Promise<BusClient>;
// A page in plain JavaScript may give nothing.
export async function connect(options: Partial<ConnectOptions> = {}): Promise<BusClient> {
  checkOptions('connect', options, CONNECT_OPTIONS);
  const { url, token, getToken, ...client } = options;
  if (url === undefined) {
    throw new BusError(
      'bad-option',
      'connect needs the url of the bus',
      "a page knows no repository: { url: 'ws://…', token }",
    );
  }
  checkUrl(url);
  if ((token === undefined) === (getToken === undefined)) {
    throw new BusError('bad-option', 'connect needs either token or getToken', 'give one of them');
  }
  const dial = getToken ? dialWithToken(getToken, (given) => webDial(url, given)) : webDial(url, token!);
  return opened(dial, client);
}

export type {
  BusEvent,
  ConflictForm,
  DataOf,
  EventLease,
  EventOf,
  EventType,
  ExplainParams,
  Explanation,
  FilterInput,
  Kind,
  LeaseState,
  Overview,
  Welcome,
} from '../../protocol/index.js';
export { EVENT_TYPES, KINDS } from '../../protocol/index.js';
export type { WhenFreeOptions } from './address-waits.js';
export type { AskOptions } from './ask-options.js';
export { BusClient, type ClientOptions, type RecordName } from './bus-client.js';
export { BusError, type BusErrorCode } from './bus-error.js';
export type { AddressHolding, Holder, HoldersOptions } from './holders.js';
export type { Logger } from './logger.js';
export { Mirror } from './mirror.js';
export type { MirrorOptions, MirrorRecord } from './mirror-options.js';
export type { MirrorStatus } from './mirror-state.js';
export type { RecordChange, StandingRecord } from './record-view.js';
export type { BusStatus } from './status.js';
export { Subscription, type Completion } from './subscription.js';
export type { SubscribeOptions } from './subscribe-options.js';
export type { GetToken } from './token-dial.js';
export type { Update } from './update.js';
