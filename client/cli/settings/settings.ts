import {
  DEFAULT_LIMITS,
  DEFAULT_OPTIONS as DEFAULTS,
  DEFAULT_RELAY_REPOSITORY,
  DEFAULT_STREAM_LIMITS,
  type BackendChoice,
  type Limits,
  type TransportChoice,
} from '../../../server/index.js';
import { CliError } from '../cli-error.js';
import {
  asText,
  choice,
  list,
  optional,
  optionalNumber,
  seconds,
  setting,
  sha256,
  toggle,
  wholeNumber,
  withoutSecret,
  type Setting,
} from './setting.js';

const BACKENDS = ['auto', 'native', 'polling'] as const satisfies readonly BackendChoice[];
const TRANSPORTS = ['auto', 'uws', 'ws'] as const satisfies readonly TransportChoice[];
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

const named = (name: string, value: string, description: string) => ({
  name,
  flag: `--${name.replaceAll('_', '-')}${value === '' ? '' : ` <${value}>`}`,
  description,
});

const GIB = 2 ** 30;

const inSeconds = (ms: number): number => ms / 1_000;

/** All settings of a server, in the order of its help. */
export const SETTINGS = {
  host: setting(named('host', 'host', 'address to listen on'), DEFAULTS.host, asText),
  port: setting(named('port', 'n', 'port, 0 for any free one'), DEFAULTS.port, wholeNumber(0, 65_535)),
  backend: choice(named('backend', 'backend', 'how changes are noticed'), DEFAULTS.backend, BACKENDS),
  pollInterval: setting(
    named('poll_interval', 'seconds', 'interval of polling (0.01 to 3600)'),
    inSeconds(DEFAULTS.pollIntervalMs),
    seconds(0.01, 3_600),
  ),
  transport: choice(named('transport', 'engine', 'the WebSocket engine'), DEFAULTS.transport, TRANSPORTS),
  nativeEngineSha256: list(
    named(
      'native_engine_sha256',
      'hash',
      'hash of another binary of the native engine that may be loaded (repeatable)',
    ),
    sha256,
  ),
  settle: setting(
    named('settle', 'seconds', 'how long a file may be unreadable before it is reported as a problem'),
    inSeconds(DEFAULTS.settleMs),
    seconds(0, 60),
  ),
  heartbeat: setting(
    named('heartbeat', 'seconds', 'interval of heartbeats to clients'),
    inSeconds(DEFAULTS.heartbeatMs),
    seconds(0.01, 3_600),
  ),
  reconcile: setting(
    named('reconcile', 'seconds', 'minimum pause between full comparisons with the directories'),
    inSeconds(DEFAULTS.reconcileMs),
    seconds(0.01, 86_400),
  ),
  goneAfter: setting(
    named('gone_after', 'seconds', 'how long to wait for a repository that is missing from its path'),
    inSeconds(DEFAULTS.goneAfterMs),
    seconds(0, 86_400),
  ),
  idleTimeout: setting(
    named('idle_timeout', 'seconds', 'how long a connection may be silent before it is pinged, then closed (8 to 960)'),
    inSeconds(DEFAULTS.idleTimeoutMs),
    seconds(8, 960),
  ),
  stateDir: optional(
    named('state_dir', 'path', "directory for private state (default: the platform's, ~/.local/state)"),
  ),
  journal: toggle(
    { ...named('journal', '', 'keep no history on disk; a restart begins a new epoch'), flag: '--no-journal' },
    DEFAULTS.journal,
  ),
  journalMaxEvents: setting(
    named('journal_max_events', 'n', 'events that the journal keeps'),
    DEFAULTS.journalMaxEvents,
    wholeNumber(1, 2 ** 32),
  ),
  journalMaxAge: setting(
    named('journal_max_age', 'seconds', 'how long the journal keeps an event'),
    inSeconds(DEFAULTS.journalMaxAgeMs),
    seconds(1, GIB),
  ),
  journalMaxBytes: setting(
    named('journal_max_bytes', 'n', 'bytes of events that the journal keeps'),
    DEFAULTS.journalMaxBytes,
    wholeNumber(65_536, 1_024 * GIB),
  ),
  allowOrigin: list(
    named('allow_origin', 'origin', 'origin of a page that may connect, scheme://host[:port] (repeatable)'),
  ),
  allowHost: list(named('allow_host', 'name', 'name that clients may use for this server, host[:port] (repeatable)')),
  tlsCert: optional(named('tls_cert', 'file', 'certificate in PEM: serve wss and https')),
  tlsKey: optional(named('tls_key', 'file', 'key of the certificate')),
  insecure: toggle(
    named('insecure', '', 'allow other machines to connect without TLS: all data is sent unencrypted'),
    DEFAULTS.insecure,
  ),
  probePort: optionalNumber(
    named('probe_port', 'n', 'port for /livez, /readyz and /metrics without TLS and token, 0 for any free one'),
    wholeNumber(0, 65_535),
  ),
  probeHost: setting(named('probe_host', 'host', 'address of the port for probes'), DEFAULTS.probeHost, asText),
  drain: setting(
    named('drain', 'seconds', 'how long a stopping server takes to send its clients to other servers'),
    inSeconds(DEFAULTS.drainMs),
    seconds(0, 3_600),
  ),
  maxStaleness: setting(
    named('max_staleness', 'seconds', 'how old the records of an edge may be while it is ready'),
    inSeconds(DEFAULTS.maxStalenessMs),
    seconds(1, GIB),
  ),
  sharePort: toggle(
    named('share_port', '', 'let several edges on this host share one port, so that each can use its own core'),
    false,
  ),
  repositories: optional(
    named('repositories', 'file', 'JSON file that names the repositories of one edge, each with its path and token'),
  ),
  relay: withoutSecret(
    optional(
      named('relay', 'url', 'NATS JetStream between origin and edges, nats:// or tls://host:port, several with commas'),
    ),
  ),
  relayRepository: setting(
    named('relay_repository', 'name', 'name of the repository in NATS'),
    DEFAULT_RELAY_REPOSITORY,
    asText,
  ),
  relayCreds: optional(named('relay_creds', 'file', 'a .creds file for NATS; read again at each connection')),
  relayNkey: optional(named('relay_nkey', 'file', 'file with the seed of an nkey for NATS')),
  relayUser: optional(named('relay_user', 'name', 'user for NATS; see --relay-password-file')),
  relayPasswordFile: optional(
    named('relay_password_file', 'file', 'file with the password for NATS (or set MUSE_BUS_RELAY_PASSWORD)'),
  ),
  relayTokenFile: optional(
    named('relay_token_file', 'file', 'file with the token for NATS (or set MUSE_BUS_RELAY_TOKEN)'),
  ),
  relayCa: optional(named('relay_ca', 'file', 'CA certificate for NATS in PEM; requires TLS')),
  relayCert: optional(named('relay_cert', 'file', 'client certificate for NATS in PEM')),
  relayKey: optional(named('relay_key', 'file', 'key of the client certificate')),
  relayPublicKey: list(
    named(
      'relay_public_key',
      'key',
      'public key of the origin, as its doctor shows it: accept only messages signed with it (repeatable)',
    ),
  ),
  relayDomain: optional(
    named('relay_domain', 'name', 'JetStream domain of the stream, if it is not that of the server connected to'),
  ),
  relayInbox: optional(
    named('relay_inbox', 'prefix', 'where answers of NATS arrive, if its permissions allow no _INBOX.muse-bus-…'),
  ),
  relayMaxMessages: setting(
    named('relay_max_messages', 'n', 'messages that the stream keeps'),
    DEFAULT_STREAM_LIMITS.maxMessages,
    wholeNumber(100, 2 ** 40),
  ),
  relayMaxBytes: setting(
    named('relay_max_bytes', 'n', 'bytes that the stream keeps'),
    DEFAULT_STREAM_LIMITS.maxBytes,
    wholeNumber(65_536, 2 ** 50),
  ),
  relayMaxAge: setting(
    named('relay_max_age', 'seconds', 'how long the stream keeps a message'),
    inSeconds(DEFAULT_STREAM_LIMITS.maxAgeMs),
    seconds(1, GIB),
  ),
  relayReplicas: setting(
    named('relay_replicas', 'n', 'servers of a NATS cluster that hold each message'),
    DEFAULT_STREAM_LIMITS.replicas,
    wholeNumber(1, 5),
  ),
  logLevel: choice(named('log_level', 'level', 'the lowest level to log'), 'info', LOG_LEVELS),
  limit: list(named('limit', 'name=n', 'a limit for clients or files (repeatable; muse-bus config lists all)')),
} as const satisfies Readonly<Record<string, Setting<never> | Setting<unknown>>>;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [Name in SettingName]: (typeof SETTINGS)[Name]['fallback'] };

/** Settings of an origin only: how it watches files, what the journal keeps, and the limits of the stream. */
export const ORIGIN_ONLY: ReadonlySet<SettingName> = new Set<SettingName>([
  'backend',
  'pollInterval',
  'settle',
  'reconcile',
  'goneAfter',
  'stateDir',
  'journal',
  'journalMaxEvents',
  'journalMaxAge',
  'journalMaxBytes',
  'relayMaxAge',
  'relayMaxBytes',
  'relayMaxMessages',
  'relayReplicas',
]);

/** Settings of an edge only. */
export const EDGE_ONLY: ReadonlySet<SettingName> = new Set<SettingName>([
  'maxStaleness',
  'sharePort',
  'repositories',
  'relayPublicKey',
]);

/** The names of limits on the wire and in files, `max_connections`. */
export const LIMIT_NAMES: ReadonlyMap<string, keyof Limits> = new Map(
  (Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]).map((name) => [snakeCased(name), name]),
);

/** `max_connections=100`, in any spelling of the name. @throws CliError naming the limits. */
export function readLimit(text: string, where: string): readonly [name: keyof Limits, value: number] {
  const [, given = '', value = ''] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  const name = LIMIT_NAMES.get(snakeCased(given.trim()).replaceAll('-', '_'));
  if (name === undefined) {
    throw new CliError(
      `${where} must be NAME=N, got ${text}`,
      'bad_args',
      `limits are ${[...LIMIT_NAMES.keys()].join(', ')}`,
    );
  }
  return [name, wholeNumber(1, 2 ** 40)(value.trim(), `${where} ${snakeCased(name)}`)];
}

function snakeCased(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
