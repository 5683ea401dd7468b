import { readOptionFile } from './option-file.js';
import { OptionError } from './option-error.js';

const INBOX = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const REPOSITORY = /^[A-Za-z0-9_-]{1,64}$/;

/** Returns why a text cannot name a repository in NATS; `undefined` if it can. */
function repositoryFault(name: string): string | undefined {
  return REPOSITORY.test(name) ? undefined : 'must be 1 to 64 of A-Z a-z 0-9 _ -';
}

/** The address of NATS and the credentials. Secrets come from files or the environment, and are never shown. */
export interface RelayAccess {
  /** `nats://host:port` or `tls://host:port`: one server, or several of a cluster. */
  readonly servers: readonly string[];
  readonly credsFile?: string | undefined;
  readonly nkeyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly tls?: RelayTls | undefined;
  readonly domain?: string | undefined;
  readonly inboxPrefix?: string | undefined;
}

export interface RelayTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** The bounds of the stream. NATS deletes the oldest messages beyond any of them. */
export interface StreamLimits {
  /** @default 1_000_000 */
  readonly maxMessages: number;
  /** @default 1_073_741_824 */
  readonly maxBytes: number;
  /** @default 604_800_000, a week */
  readonly maxAgeMs: number;
  /** How many servers of a cluster hold each message. @default 1 */
  readonly replicas: number;
}

export interface RelayOptions {
  /** The address of NATS, `nats://host:4222` or `tls://…`; several are separated by commas. */
  readonly url: string;
  /** The name of the repository in NATS. @default 'default' */
  readonly repository?: string;
  /** A `.creds` file. It is read at each connection, so that a renewed JWT is used when the old one has run out. */
  readonly credsFile?: string | undefined;
  /** A file with the seed of an nkey, which begins with SU. It is read at each connection. */
  readonly nkeyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A file with the password, in place of `password`. It is read at each connection. */
  readonly passwordFile?: string | undefined;
  readonly token?: string | undefined;
  /** A file with the token, in place of `token`. It is read at each connection. */
  readonly tokenFile?: string | undefined;
  /** A certificate authority in PEM. If it is given, TLS is required. */
  readonly caFile?: string | undefined;
  /** The client's own certificate in PEM; its key is in `keyFile`. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /**
   * At an edge: the public key of the origin, of which only signed messages are then believed; several while it changes.
   * @default none: every message in the stream that can be read is accepted
   */
  readonly publicKeys?: readonly string[];
  /** The JetStream domain that has the stream, if it is another than that of the server connected to. @default that server's */
  readonly domain?: string | undefined;
  /**
   * The subjects below which answers of NATS arrive, which its permissions must let this user read, and no other: answers hold records.
   * @default `_INBOX.muse-bus-origin-of-REPOSITORY`, at an edge `_INBOX.muse-bus-edge-of-REPOSITORY`
   */
  readonly inboxPrefix?: string | undefined;
  readonly limits?: Partial<StreamLimits>;
  /** The interval of the origin's heartbeats to edges, milliseconds. @default that of heartbeats to clients, at most one second */
  readonly aliveMs?: number;
}

export interface ResolvedRelay {
  readonly access: RelayAccess;
  readonly repository: string;
  readonly publicKeys: readonly string[];
  readonly limits: StreamLimits;
  readonly aliveMs: number;
}

export const DEFAULT_REPOSITORY = 'default';
const SLOWEST_ALIVE_MS = 1_000;

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  maxMessages: 1_000_000,
  maxBytes: 1_073_741_824,
  maxAgeMs: 604_800_000,
  replicas: 1,
};

const LOWEST: StreamLimits = { maxMessages: 100, maxBytes: 65_536, maxAgeMs: 1_000, replicas: 1 };
const HIGHEST: StreamLimits = { maxMessages: 2 ** 40, maxBytes: 2 ** 50, maxAgeMs: 2 ** 40, replicas: 5 };

/** Checks the relay's options and adds the defaults. @throws OptionError if one is invalid. */
export function resolveRelay(options: RelayOptions, heartbeatMs: number): ResolvedRelay {
  const repository = options.repository ?? DEFAULT_REPOSITORY;
  const fault = repositoryFault(repository);
  if (fault !== undefined) throw new OptionError(`the relay's repository ${JSON.stringify(repository)} ${fault}`);
  const aliveMs = options.aliveMs ?? Math.min(heartbeatMs, SLOWEST_ALIVE_MS);
  if (!(aliveMs >= 10 && aliveMs <= 3_600_000)) throw new OptionError('aliveMs must be from 10 to 3600000');
  const { publicKeys = [] } = options;
  return { access: accessOf(options), repository, publicKeys, limits: limitsOf(options.limits ?? {}), aliveMs };
}

function accessOf(options: RelayOptions): RelayAccess {
  const { url, credsFile, nkeyFile, user, password, passwordFile, token, tokenFile } = options;
  const { caFile, certFile, keyFile, domain, inboxPrefix } = options;
  const servers = url.split(',').map(serverOf);
  if (credsFile !== undefined) readOptionFile('the file of credentials', credsFile);
  if (nkeyFile !== undefined) readOptionFile('the file of the nkey', nkeyFile);
  if (passwordFile !== undefined) readOptionFile('the file of the password', passwordFile);
  if (tokenFile !== undefined) readOptionFile('the file of the token', tokenFile);
  if (credsFile !== undefined && nkeyFile !== undefined) {
    throw new OptionError('give the relay credentials or an nkey, not both: a .creds file has its own');
  }
  if (domain !== undefined && !REPOSITORY.test(domain)) {
    throw new OptionError(`the domain ${JSON.stringify(domain)} must be 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  if (inboxPrefix !== undefined && (inboxPrefix.length > 128 || !INBOX.test(inboxPrefix))) {
    throw new OptionError(
      `the prefix of inboxes ${JSON.stringify(inboxPrefix.slice(0, 140))} must be words of A-Z a-z 0-9 _ - with a dot between them, at most 128 characters`,
    );
  }
  if ((password ?? passwordFile) !== undefined && user === undefined)
    throw new OptionError('a password for the relay needs a user');
  const isTls = servers.some((server) => server.startsWith('tls:'));
  const files = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  for (const [what, file] of Object.entries(files)) readOptionFile(`the relay's ${what}`, file);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new OptionError("the relay's certificate and key must be given together");
  }
  const tls = isTls || Object.keys(files).length > 0 ? files : undefined;
  return { servers, credsFile, nkeyFile, user, password, passwordFile, token, tokenFile, tls, domain, inboxPrefix };
}

function serverOf(text: string): string {
  const address = text.trim();
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^(nats|tls):$/.test(url.protocol) || url.hostname === '') {
    throw new OptionError(
      `relay ${JSON.stringify(withoutSecret(address))} must be nats://host:port or tls://host:port`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new OptionError(
      'the address of the relay must hold no credentials, which would show in process lists and logs: ' +
        'use --relay-creds, or MUSE_BUS_RELAY_USER and MUSE_BUS_RELAY_PASSWORD, or MUSE_BUS_RELAY_TOKEN',
    );
  }
  return address;
}

const withoutSecret = (url: string): string => url.replace(/\/\/[^@/]*@/, '//…@');

function limitsOf(given: Partial<StreamLimits>): StreamLimits {
  const limits = { ...DEFAULT_STREAM_LIMITS, ...given };
  for (const name of Object.keys(DEFAULT_STREAM_LIMITS) as (keyof StreamLimits)[]) {
    const [value, low, high] = [limits[name], LOWEST[name], HIGHEST[name]];
    if (Number.isInteger(value) && value >= low && value <= high) continue;
    throw new OptionError(`the relay's ${name} must be an integer from ${String(low)} to ${String(high)}`);
  }
  return limits;
}
