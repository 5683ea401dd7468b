import { OptionError } from './option-error.js';
import { checkOptionTypes, type OptionKind } from './option-types.js';
import { resolveOptions, SERVER_OPTIONS, type Limits, type ResolvedOptions, type ServerOptions } from './options.js';
import type { RelayOptions, ResolvedRelay } from './relay-options.js';

type FromServer =
  | 'host'
  | 'port'
  | 'transport'
  | 'nativeEngineSha256'
  | 'heartbeatMs'
  | 'idleTimeoutMs'
  | 'allowOrigins'
  | 'allowHosts'
  | 'tlsCertFile'
  | 'tlsKeyFile'
  | 'insecure'
  | 'probePort'
  | 'probeHost'
  | 'maxStalenessMs'
  | 'drainMs'
  | 'limits'
  | 'log';

/** One repository of an edge. */
export interface EdgeRepository {
  /** The NATS server and repository that the origin publishes to. */
  readonly relay: RelayOptions;
  /** The path below which it is served: `/` and 1 to 64 of A-Z a-z 0-9 _ -. @default the repository's name */
  readonly path?: string | undefined;
  /** The file to which the edge writes its endpoint, as a server does in `.muse/bus/endpoint.json`. @default none; then `tokenFile` is needed */
  readonly endpointFile?: string | undefined;
  /** The file of its token. @default beside the endpoint's file, `….token` */
  readonly tokenFile?: string | undefined;
  /** @default the edge's */
  readonly limits?: Partial<Limits>;
  /** @default the edge's */
  readonly maxStalenessMs?: number;
}

export interface EdgeOptions extends Pick<ServerOptions, FromServer> {
  /** The NATS server and repository that the origin publishes to. Not together with `repositories`. */
  readonly relay?: RelayOptions | undefined;
  /** The file to which the edge writes its endpoint, as a server does in `.muse/bus/endpoint.json`. Needed with `relay`. */
  readonly endpointFile?: string | undefined;
  /** The file of its token. @default beside the endpoint's file, `….token` */
  readonly tokenFile?: string | undefined;
  /** Several repositories behind one port, each below its own path. */
  readonly repositories?: readonly EdgeRepository[] | undefined;
  /** Whether several edges of this host listen on the same port, each with its share of the connections. @default false */
  readonly sharePort?: boolean;
}

const EDGE_OPTIONS: Readonly<Record<keyof EdgeOptions, OptionKind>> = {
  host: SERVER_OPTIONS.host,
  port: SERVER_OPTIONS.port,
  transport: SERVER_OPTIONS.transport,
  nativeEngineSha256: SERVER_OPTIONS.nativeEngineSha256,
  heartbeatMs: SERVER_OPTIONS.heartbeatMs,
  idleTimeoutMs: SERVER_OPTIONS.idleTimeoutMs,
  allowOrigins: SERVER_OPTIONS.allowOrigins,
  allowHosts: SERVER_OPTIONS.allowHosts,
  tlsCertFile: SERVER_OPTIONS.tlsCertFile,
  tlsKeyFile: SERVER_OPTIONS.tlsKeyFile,
  insecure: SERVER_OPTIONS.insecure,
  probePort: SERVER_OPTIONS.probePort,
  probeHost: SERVER_OPTIONS.probeHost,
  maxStalenessMs: SERVER_OPTIONS.maxStalenessMs,
  drainMs: SERVER_OPTIONS.drainMs,
  limits: SERVER_OPTIONS.limits,
  log: SERVER_OPTIONS.log,
  relay: SERVER_OPTIONS.relay,
  endpointFile: 'text',
  tokenFile: 'text',
  repositories: 'objects',
  sharePort: 'flag',
};

const REPOSITORY_OPTIONS: Readonly<Record<keyof EdgeRepository, OptionKind>> = {
  relay: SERVER_OPTIONS.relay,
  path: 'text',
  endpointFile: 'text',
  tokenFile: 'text',
  limits: SERVER_OPTIONS.limits,
  maxStalenessMs: SERVER_OPTIONS.maxStalenessMs,
};

/** One repository of an edge, checked and with the defaults. */
export interface ResolvedRepository {
  readonly relay: ResolvedRelay;
  /** Empty if it is the only one. */
  readonly path: string;
  readonly endpointFile: string | undefined;
  readonly tokenFile: string | undefined;
  readonly options: ResolvedOptions;
}

export interface ResolvedEdge {
  /** What holds for the whole edge. */
  readonly options: ResolvedOptions;
  readonly sharePort: boolean;
  /** Whether each has a path of its own. One may be alone and have a path: others can then be added. */
  readonly isJoint: boolean;
  readonly repositories: readonly ResolvedRepository[];
}

/** Checks the options of an edge and adds the defaults. @throws OptionError if one is invalid. */
export function resolveEdge(given: EdgeOptions): ResolvedEdge {
  checkOptionTypes('an edge', given, EDGE_OPTIONS);
  const { relay, endpointFile, tokenFile, repositories, sharePort = false, ...rest } = given;
  const options = resolveOptions({ ...rest, root: '/' });
  if (sharePort && options.port === 0) {
    throw new OptionError('a shared port needs a number other than 0: give --port N with --share-port');
  }
  if (repositories === undefined) {
    if (!relay || endpointFile === undefined)
      throw new OptionError('an edge needs relay and endpointFile, or repositories');
    const own = resolveOptions({ ...rest, root: '/', relay });
    const only = { relay: own.relay!, path: '', endpointFile, tokenFile, options: own };
    return { options: own, sharePort, isJoint: false, repositories: [only] };
  }
  if (relay ?? endpointFile ?? tokenFile) {
    throw new OptionError('an edge of several repositories has relay, endpointFile and tokenFile in each of them');
  }
  if (repositories.length === 0) throw new OptionError('repositories is empty: an edge serves at least one');
  const all = repositories.map((one) => resolveRepository(one, rest));
  refuseTwice('path', all, ({ path }) => path);
  refuseTwice('endpoint file', all, (one) => one.endpointFile);
  return { options, sharePort, isJoint: true, repositories: all };
}

const PATH = /^\/[A-Za-z0-9_-]{1,64}$/;
/** What the edge itself answers. */
const OWN_PATHS: readonly string[] = ['/healthz', '/readyz', '/livez', '/metrics'];

function resolveRepository(given: EdgeRepository, edge: Omit<ServerOptions, 'root'>): ResolvedRepository {
  checkOptionTypes('a repository of an edge', given, REPOSITORY_OPTIONS);
  const { relay, endpointFile, tokenFile, limits, maxStalenessMs = edge.maxStalenessMs } = given;
  if ((relay as unknown) === undefined) throw new OptionError('each repository of an edge needs relay');
  const path = given.path ?? `/${relay.repository ?? ''}`;
  if (!PATH.test(path) || OWN_PATHS.includes(path)) {
    throw new OptionError(
      `the path ${JSON.stringify(path.slice(0, 80))} must be / and 1 to 64 of A-Z a-z 0-9 _ -, and none of ${OWN_PATHS.join(', ')}`,
    );
  }
  const options = resolveOptions({
    ...edge,
    root: '/',
    relay,
    ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
    limits: { ...edge.limits, ...limits },
  });
  return { relay: options.relay!, path, endpointFile, tokenFile, options };
}

/** Two repositories at one place would be mixed up. */
export function refuseTwice<T extends { readonly path: string }>(
  what: string,
  all: readonly T[],
  placeOf: (one: T) => string | undefined,
): void {
  const seen = new Map<string, T>();
  for (const one of all) {
    const place = placeOf(one);
    if (place === undefined) continue;
    const other = seen.get(place);
    if (other) {
      const both = one.path === other.path ? 'two repositories' : `the repositories of ${other.path} and ${one.path}`;
      throw new OptionError(`${both} have one ${what}, ${place}: each needs its own`);
    }
    seen.set(place, one);
  }
}
