/** The SDK for browsers: the same client over the browser's own WebSocket, and nothing of Node in it. */
import { BusClient, type ClientOptions } from './bus-client.js';
import { webDial } from './web-channel.js';

export interface ConnectOptions extends ClientOptions {
  /** Of the WebSocket, `ws://127.0.0.1:6873`. */
  readonly url: string;
  readonly token: string;
}

/** Connects to a bus. @throws BusError `unreachable`: a browser does not tell a refusal from silence. */
export async function connect({ url, token, ...options }: ConnectOptions): Promise<BusClient> {
  const client = new BusClient(webDial(url, token), options);
  await client.open();
  return client;
}

export type {
  BusEvent,
  DataOf,
  EventOf,
  EventType,
  ExplainParams,
  Explanation,
  FilterInput,
  Kind,
  LeaseState,
  Overview,
  Welcome,
} from '../protocol/index.js';
export { EVENT_TYPES, KINDS } from '../protocol/index.js';
export { BusClient, type ClientOptions } from './bus-client.js';
export { BusError, type BusErrorCode } from './bus-error.js';
export type { Holder, HoldersOptions } from './holders.js';
export { Mirror, type MirrorRecord, type WhenFreeOptions } from './mirror.js';
export type { RecordChange, StandingRecord } from './record-view.js';
export type { BusStatus } from './status.js';
export { Subscription, type Completion } from './subscription.js';
export type { SubscribeOptions } from './subscribe-options.js';
export type { Update } from './update.js';
