import { FILTER_LIMITS, closestMatch, type FilterLimits } from '../../protocol/index.js';
import type { Log } from '../runtime/log.js';
import { DEFAULT_OPTIONS as DEFAULTS } from './default-options.js';
import { OptionError } from './option-error.js';
import { checkOptionTypes, type OptionKind } from './option-types.js';
import { resolveRelay, type RelayOptions, type ResolvedRelay } from './relay-options.js';
import type { HistoryLimits } from '../store/history.js';
import { hostFault, isLoopback, listenAddress, listenFault, originFault } from './authority.js';
import type { TlsFiles } from './tls-files.js';

export { OptionError };

/** Bounds for clients and files. The server sends them in `welcome`. */
export interface Limits extends FilterLimits, HistoryLimits {
  /** Subscriptions of one connection. @default 1_000 */
  readonly maxSubscriptions: number;
  /** Steps that the globs of all subscriptions of one connection may take together, counted as for `maxFilterCost`. @default 50_000 */
  readonly maxConnectionFilterCost: number;
  /** Connections at once. @default 20_000 */
  readonly maxConnections: number;
  /** Unauthenticated connections of one address. Beyond the limit the oldest of them is closed. @default 4_096 */
  readonly maxPendingConnections: number;
  /** Refused requests of one address in one second. Further refusals in that second are answered with 429. @default 100 */
  readonly maxRefusalsPerSecond: number;
  /** Bytes of one message from a client. @default 65_536 */
  readonly maxPayloadBytes: number;
  /** Messages a connection may send in one second. @default 10_000 */
  readonly maxMessagesPerSecond: number;
  /**
   * Bytes of messages of one connection that have arrived and wait to be handled. Connections share the time for messages in round robin,
   * one message each. Beyond the limit the connection is closed. @default 2_097_152
   */
  readonly maxUnheardBytes: number;
  /** Pings and pongs a connection may send in one second. @default 100 */
  readonly maxControlFramesPerSecond: number;
  /** Refused messages after which a connection is closed. @default 1_000 */
  readonly maxBadMessages: number;
  /**
   * Bytes that may wait for one socket. If a frame would exceed this, the socket's subscriptions fall behind. So at most this much waits,
   * or one event that is larger. The engine's buffer may reserve twice that, and the kernel has its own buffer. Answers to a client that
   * asks and does not read come on top: such a client is disconnected before they reach 4 MiB. At least 1_024. @default 262_144
   */
  readonly maxQueuedBytes: number;
  /** Bytes of a record's file. @default 262_144 */
  readonly maxRecordBytes: number;
  /** Depth to which a record's data may be nested. @default 32 */
  readonly maxRecordDepth: number;
  /** Records of all kinds together. Further files are not read until other records are removed. @default 1_000_000 */
  readonly maxRecords: number;
}

export const DEFAULT_LIMITS: Limits = {
  ...FILTER_LIMITS,
  maxHistoryEvents: 100_000,
  maxHistoryBytes: 67_108_864,
  maxSubscriptions: 1_000,
  maxConnectionFilterCost: 50_000,
  maxConnections: 20_000,
  maxPendingConnections: 4_096,
  maxRefusalsPerSecond: 100,
  maxPayloadBytes: 65_536,
  maxMessagesPerSecond: 10_000,
  maxUnheardBytes: 2_097_152,
  maxControlFramesPerSecond: 100,
  maxBadMessages: 1_000,
  maxQueuedBytes: 262_144,
  maxRecordBytes: 262_144,
  maxRecordDepth: 32,
  maxRecords: 1_000_000,
};

/** The largest values that the engines, the encoders and recursion allow. All other limits are bounded by {@link MAX_LIMIT} only. */
const MAX_LIMITS: Readonly<Partial<Record<keyof Limits, number>>> = {
  maxPayloadBytes: 67_108_864,
  maxQueuedBytes: 1_073_741_824,
  maxRecordBytes: 67_108_864,
  maxRecordDepth: 500,
  maxIdBytes: 1_024,
  maxGlobLength: 4_096,
  maxGlobWildcards: 64,
};
/** The smallest values. With fewer queued bytes the engines' own marks would decide, and every event would be a frame of its own. */
const MIN_LIMITS: Readonly<Partial<Record<keyof Limits, number>>> = { maxQueuedBytes: 1_024 };
const MAX_LIMIT = 2 ** 40;

export type BackendChoice = 'auto' | 'native' | 'polling';
export type TransportChoice = 'auto' | 'uws' | 'ws';

export interface ServerOptions {
  /** The repository: the directory that holds `.muse/`. */
  readonly root: string;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** 0 takes any free port. @default 6873 */
  readonly port?: number;
  /** How changes of files are detected: by the kernel's hints (`native`) or by polling. @default 'auto' */
  readonly backend?: BackendChoice;
  /** The interval of the polling backend, milliseconds, 10…3 600 000. @default 500 */
  readonly pollIntervalMs?: number;
  /** The WebSocket engine. @default 'auto' */
  readonly transport?: TransportChoice;
  /** SHA-256 of further binaries of the native engine that may be loaded, such as those of an official build. @default none */
  readonly nativeEngineSha256?: readonly string[];
  /** How long a file may be unreadable before its record is published with a problem, milliseconds. @default 200 */
  readonly settleMs?: number;
  /** The interval of heartbeats to every connection, milliseconds. @default 5_000 */
  readonly heartbeatMs?: number;
  /** The shortest pause between two full comparisons with the directories, milliseconds. @default 10_000 */
  readonly reconcileMs?: number;
  /**
   * How long the server waits for a repository that is no longer at its path, or was replaced there, before it ends, milliseconds.
   * @default 60_000
   */
  readonly goneAfterMs?: number;
  /**
   * How long a connection may be silent, milliseconds, 8 000…960 000. It is pinged before, and closed if it does not answer.
   * @default 120_000
   */
  readonly idleTimeoutMs?: number;
  /**
   * The directory in which `muse-bus/` holds the private state. @default `MUSE_BUS_STATE_DIR`, or the platform's directory for the state
   * of programs: `$XDG_STATE_HOME`, `~/.local/state`
   */
  readonly stateDir?: string | undefined;
  /** Whether index and history are kept on disk, in the private state, so that a restart loses nothing. @default true */
  readonly journal?: boolean;
  /** How many events the journal keeps. @default 100_000 */
  readonly journalMaxEvents?: number;
  /** How long the journal keeps an event, milliseconds. @default 604_800_000, a week */
  readonly journalMaxAgeMs?: number;
  /** The largest size of the journal's history, bytes. The index comes on top. @default 134_217_728 */
  readonly journalMaxBytes?: number;
  /** Origins of pages that may connect, beside the server's own; each exactly `scheme://host[:port]`. @default none */
  readonly allowOrigins?: readonly string[];
  /** Names that a Host header may have, beside those of the loopback interface; with a port or without. @default none */
  readonly allowHosts?: readonly string[];
  /** A certificate in PEM, and its key: `wss` and `https` instead of `ws` and `http`. @default none */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Whether to listen beyond this machine without TLS. The token and all records then cross the network unencrypted. @default false */
  readonly insecure?: boolean;
  /**
   * A port for `/livez`, `/readyz` and `/metrics`, without TLS and without a token. 0 takes any free port. It tells numbers and the names of
   * connections, and no record. @default none
   */
  readonly probePort?: number | undefined;
  /** The address of that port. @default '127.0.0.1' */
  readonly probeHost?: string;
  /** How long {@link BusServer.drain} takes to send all clients elsewhere, milliseconds. 0: at once. @default 0 */
  readonly drainMs?: number;
  /** How old an edge's records may be while it says that it is ready, milliseconds. @default 15_000 */
  readonly maxStalenessMs?: number;
  /** Publishes all events to NATS JetStream, from where edges serve them. @default none */
  readonly relay?: RelayOptions | undefined;
  readonly limits?: Partial<Limits>;
  /** @default silent */
  readonly log?: Log;
}

/** The options, checked and with their defaults. */
export type ResolvedOptions = Required<
  Omit<ServerOptions, 'limits' | 'log' | 'tlsCertFile' | 'tlsKeyFile' | 'relay' | 'stateDir' | 'probePort'>
> & {
  /** `undefined` means none. */
  readonly probePort: number | undefined;
  /** `undefined` means the default. */
  readonly stateDir: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly relay: ResolvedRelay | undefined;
  readonly limits: Limits;
};

export const SERVER_OPTIONS: Readonly<Record<keyof ServerOptions, OptionKind>> = {
  root: 'text',
  host: 'text',
  port: 'number',
  backend: ['auto', 'native', 'polling'],
  pollIntervalMs: 'number',
  transport: ['auto', 'uws', 'ws'],
  nativeEngineSha256: 'texts',
  settleMs: 'number',
  heartbeatMs: 'number',
  reconcileMs: 'number',
  goneAfterMs: 'number',
  idleTimeoutMs: 'number',
  stateDir: 'text',
  journal: 'flag',
  journalMaxEvents: 'number',
  journalMaxAgeMs: 'number',
  journalMaxBytes: 'number',
  allowOrigins: 'texts',
  allowHosts: 'texts',
  tlsCertFile: 'text',
  tlsKeyFile: 'text',
  insecure: 'flag',
  probePort: 'number',
  probeHost: 'text',
  drainMs: 'number',
  maxStalenessMs: 'number',
  relay: 'object',
  limits: 'object',
  log: 'object',
};

/** Checks the options and adds the defaults. @throws OptionError if one is invalid. */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  checkOptionTypes('a server', options, SERVER_OPTIONS);
  const tls = tlsFiles(options);
  return {
    root: options.root,
    stateDir: options.stateDir,
    host: reachable(options, tls),
    tls,
    relay: options.relay && resolveRelay(options.relay, options.heartbeatMs ?? DEFAULTS.heartbeatMs),
    insecure: options.insecure ?? DEFAULTS.insecure,
    allowOrigins: each('allowOrigins', options.allowOrigins ?? [], originFault),
    allowHosts: each('allowHosts', options.allowHosts ?? [], hostFault),
    port: inRange('port', options.port ?? DEFAULTS.port, 0, 65_535),
    probePort: options.probePort === undefined ? undefined : inRange('probePort', options.probePort, 0, 65_535),
    probeHost: listenAddress(options.probeHost ?? DEFAULTS.probeHost),
    drainMs: inRange('drainMs', options.drainMs ?? DEFAULTS.drainMs, 0, 3_600_000),
    maxStalenessMs: inRange('maxStalenessMs', options.maxStalenessMs ?? DEFAULTS.maxStalenessMs, 1_000, 2 ** 40),
    backend: options.backend ?? DEFAULTS.backend,
    pollIntervalMs: inRange('pollIntervalMs', options.pollIntervalMs ?? DEFAULTS.pollIntervalMs, 10, 3_600_000),
    transport: options.transport ?? DEFAULTS.transport,
    nativeEngineSha256: hashes(options.nativeEngineSha256 ?? []),
    settleMs: inRange('settleMs', options.settleMs ?? DEFAULTS.settleMs, 0, 60_000),
    heartbeatMs: inRange('heartbeatMs', options.heartbeatMs ?? DEFAULTS.heartbeatMs, 10, 3_600_000),
    reconcileMs: inRange('reconcileMs', options.reconcileMs ?? DEFAULTS.reconcileMs, 10, 86_400_000),
    goneAfterMs: inRange('goneAfterMs', options.goneAfterMs ?? DEFAULTS.goneAfterMs, 0, 86_400_000),
    // The native engine ends the process over an idle timeout outside its range.
    idleTimeoutMs: inRange('idleTimeoutMs', options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs, 8_000, 960_000),
    journal: options.journal ?? DEFAULTS.journal,
    journalMaxEvents: inRange('journalMaxEvents', options.journalMaxEvents ?? DEFAULTS.journalMaxEvents, 1, 2 ** 32),
    journalMaxAgeMs: inRange('journalMaxAgeMs', options.journalMaxAgeMs ?? DEFAULTS.journalMaxAgeMs, 1_000, 2 ** 40),
    journalMaxBytes: inRange('journalMaxBytes', options.journalMaxBytes ?? DEFAULTS.journalMaxBytes, 65_536, 2 ** 40),
    limits: resolveLimits(options.limits ?? {}),
  };
}

function tlsFiles({ tlsCertFile: certFile, tlsKeyFile: keyFile }: ServerOptions): TlsFiles | undefined {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  throw new OptionError('tlsCertFile and tlsKeyFile must be given together');
}

/** Returns the address to listen on. Beyond this machine TLS is required to protect the token, unless the operator sets `insecure`. */
function reachable({ host: given = DEFAULTS.host, insecure }: ServerOptions, tls: TlsFiles | undefined): string {
  const fault = listenFault(given);
  if (fault !== undefined) throw new OptionError(`host ${JSON.stringify(given)} ${fault}`);
  const host = listenAddress(given);
  if (isLoopback(host) || tls !== undefined || insecure === true) return host;
  throw new OptionError(
    `host ${given} can be reached from other machines: give tlsCertFile and tlsKeyFile (--tls-cert, --tls-key), ` +
      'or insecure (--insecure) to send the token and all records unencrypted',
  );
}

function each(name: string, values: readonly string[], fault: (value: string) => string | undefined): string[] {
  return values.map((value) => {
    const why = fault(value);
    if (why !== undefined) throw new OptionError(`${name}: ${JSON.stringify(value)} ${why}`);
    return value.toLowerCase();
  });
}

function hashes(given: readonly string[]): readonly string[] {
  return given.map((hash) => {
    if (/^[0-9a-f]{64}$/i.test(hash)) return hash.toLowerCase();
    throw new OptionError(
      `nativeEngineSha256 must hold SHA-256s in 64 hexadecimal digits, got ${JSON.stringify(hash)}`,
    );
  });
}

function resolveLimits(limits: Partial<Limits>): Limits {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => (value as unknown) !== undefined));
  const resolved = { ...DEFAULT_LIMITS, ...given };
  const names = Object.keys(DEFAULT_LIMITS);
  for (const [name, value] of Object.entries(resolved) as [keyof Limits, number][]) {
    if (!names.includes(name)) throw new OptionError(`there is no limit ${name}${hint(closestMatch(name, names))}`);
    inRange(`limits.${name}`, value, MIN_LIMITS[name] ?? 1, MAX_LIMITS[name] ?? MAX_LIMIT);
  }
  return resolved;
}

const hint = (best: string | undefined): string => (best === undefined ? '' : `; did you mean ${best}?`);

function inRange(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new OptionError(`${name} must be an integer from ${String(low)} to ${String(high)}, got ${String(value)}`);
}
