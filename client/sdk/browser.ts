/** The SDK for browsers: the same client over the browser's own WebSocket, without any module of Node. */
import { CLIENT_OPTIONS, type BusClient, type ClientOptions } from './bus-client.js';
import { BusError } from './bus-error.js';
import type { Dial } from './channel.js';
import { opened } from './opened.js';
import { CALL, checkOptions, TEXT, URLS, type OptionTable } from './option-table.js';
import { ServersInTurn } from './servers-in-turn.js';
import { dialWithToken, type GetToken } from './token-dial.js';
import { webDial } from './web-channel.js';

/** Which bus {@link connect} connects to, and how. Exactly one of `token` and `getToken` is required. */
export interface ConnectOptions extends ClientOptions {
  /**
   * URL of the bus's WebSocket, for example `ws://127.0.0.1:6873`; or those of several edges of one repository, which share a token. The
   * client begins with a random one and goes to the next when one ends or cannot be reached.
   */
  readonly url: string | readonly string[];
  /** The token of the bus. */
  readonly token?: string | undefined;
  /** Returns the token; called before every attempt to connect. */
  readonly getToken?: GetToken | undefined;
}

const CONNECT_OPTIONS: OptionTable<ConnectOptions> = { ...CLIENT_OPTIONS, url: URLS, token: TEXT, getToken: CALL };

/**
 * Connects to a bus.
 * @returns the client, once the server has welcomed it.
 * @throws BusError `bad-option`; `unreachable`, also for a refused token, because a browser does not report why a handshake failed; the
 *   signal's reason, if the signal aborts before the client is connected.
 */
export function connect(options: ConnectOptions): Promise<BusClient>;
// A caller in plain JavaScript may pass nothing.
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
  const servers = new ServersInTurn(typeof url === 'string' ? [url] : url, client.random);
  if ((token === undefined) === (getToken === undefined)) {
    throw new BusError('bad-option', 'connect needs either token or getToken', 'give one of them');
  }
  const dialWith = (given: string): Dial => servers.dial((at) => webDial(at, given));
  const dial = getToken ? dialWithToken(getToken, dialWith) : dialWith(token!);
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
  RecordName,
  Welcome,
} from '../../protocol/index.js';
export { EVENT_TYPES, KINDS } from '../../protocol/index.js';
export type { WhenFreeOptions } from './address-waits.js';
export type { AskOptions } from './ask-options.js';
export { BusClient, type ClientOptions } from './bus-client.js';
export { BusError, type BusErrorCode } from './bus-error.js';
export type { AddressHolding, Holder, HoldersOptions } from './holders.js';
export type { Logger } from './logger.js';
export { Mirror } from './mirror.js';
export type { MirrorOptions, MirrorRecord } from './mirror-options.js';
export type { MirrorStatus } from './mirror-state.js';
export type { RecordChange, StandingRecord } from './record-view.js';
export type { BusStatus } from './status.js';
export { Subscription } from './subscription.js';
export type { Completion } from './subscription-progress.js';
export type { SubscribeOptions } from './subscribe-options.js';
export type { GetToken } from './token-dial.js';
export type { Update } from './update.js';
