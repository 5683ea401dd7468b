import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { OptionError } from '../config/option-error.js';
import type { RelayAccess } from '../config/relay-options.js';
import { authenticatorsOf } from './nats-credentials.js';
import { identityCheck } from './tls-identity.js';

type Transport = typeof import('@nats-io/transport-node');
type JetStream = typeof import('@nats-io/jetstream');

/** The pause between two attempts to reconnect to NATS. */
const RETRY_MS = 250;
const CONNECT_MS = 3_000;
/**
 * The interval of pings to NATS. If two are not answered, the connection is dropped and made again, to another server of a cluster: one that is
 * stopped, or behind a broken network, is left about when the others have elected another leader.
 */
const PING_MS = 2_000;
/** How long a question to JetStream waits for its answer. */
const ANSWER_MS = 5_000;

/** A connection to NATS that reconnects whenever it breaks, and the two packages that use it. */
export interface Nats {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly jetStream: JetStream;
  readonly transport: Transport;
  /** A new subject for answers. */
  inbox(): string;
}

/**
 * Loads the official clients. They are optional dependencies, because only the relay needs them.
 * @throws OptionError if they are not installed.
 */
async function loadNats(): Promise<{ readonly transport: Transport; readonly jetStream: JetStream }> {
  try {
    const [transport, jetStream] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')]);
    return { transport, jetStream };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new OptionError(
      'the relay needs the packages @nats-io/transport-node and @nats-io/jetstream, which are optional and not ' +
        'installed: npm install @nats-io/transport-node@3 @nats-io/jetstream@3',
    );
  }
}

/** @returns why the relay cannot be used here; `undefined` if it can. */
export async function whyNoNats(): Promise<string | undefined> {
  try {
    await loadNats();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Connects once. Then the connection lasts until it is closed, and reconnects whenever it breaks.
 * @throws OptionError if the clients are not installed; Error if NATS does not answer, or refuses the access.
 */
export async function connectNats(access: RelayAccess, name: string): Promise<Nats> {
  const { transport, jetStream } = await loadNats();
  const connection = await transport.connect(connectionOptions(access, name, transport));
  const manager = await jetStream.jetstreamManager(connection, {
    checkAPI: false,
    timeout: ANSWER_MS,
    ...(access.domain === undefined ? {} : { domain: access.domain }),
  });
  const inbox = (): string => transport.createInbox(access.inboxPrefix ?? inboxOf(name));
  return { connection, manager, client: manager.jetstream(), jetStream, transport, inbox };
}

/**
 * Where answers to a connection arrive. Each kind of connection has its own subjects below `_INBOX`, so that permissions can keep users from
 * reading each other's answers, which hold records.
 */
const inboxOf = (name: string): string => `_INBOX.${name.replaceAll(/[^A-Za-z0-9_-]+/g, '-')}`;

function connectionOptions(access: RelayAccess, name: string, transport: Transport): NodeConnectionOptions {
  const tls = access.tls && { ...access.tls, checkServerIdentity: identityCheck(access.servers) };
  const authenticators = authenticatorsOf(access, transport);
  return {
    servers: [...access.servers],
    name,
    inboxPrefix: access.inboxPrefix ?? inboxOf(name),
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_MS,
    reconnectJitterTLS: RETRY_MS,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    // Do not give up after a refusal: the operator of NATS may grant the access again.
    ignoreAuthErrorAbort: true,
    ...(authenticators.length === 0 ? {} : { authenticator: authenticators }),
    ...(tls === undefined ? {} : { tls }),
  };
}
