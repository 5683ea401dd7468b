import { Command } from 'commander';
import { existsSync, realpathSync, statSync, unwatchFile, watchFile } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import {
  type BusServer,
  LockError,
  RelayTakenError,
  RepositoryGoneError,
  TrustError,
  type Endpoint,
  type Log,
  type ServerOptions,
} from '../../../server/index.js';
import { findRepositoryOf, followWorktree, type RepositorySearch } from '../../../server/repository/index.js';
import { httpUrl } from '../../sdk/bus-url.js';
import { portFailure, refuseTakenPort } from './taken-port.js';
import { rootInEnvironment } from './target.js';
import { toCliError, CliError } from '../cli-error.js';
import { withHelp } from '../terminal/help.js';
import { INTERNAL_ERROR_EXIT, untilUncaughtError } from '../terminal/uncaught-errors.js';
import { relayOptions } from '../settings/relay-settings.js';
import {
  refuseUnknownVariables,
  resolveSettings,
  withSettings,
  writtenFlags,
  type ResolvedSettings,
} from '../settings/resolve-settings.js';
import { EDGE_ONLY } from '../settings/settings.js';
import { endSoon, onReload, untilSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';
import { refuseNonUtf8, workingDirectory } from '../settings/working-directory.js';

const TOKEN_CHECK_INTERVAL_MS = 1_000;
const REPOSITORY_GONE_EXIT = 3;

export function serveCommand(terminal: Terminal): Command {
  return serveCommandCalled('serve', terminal);
}

export function serveCommandCalled(name: string, terminal: Terminal): Command {
  const command = new Command(name)
    .description('watch a repository and serve its bus')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)');
  withSettings(command, (name) => !EDGE_ONLY.has(name)).action((flags: { readonly root?: string }, self: Command) =>
    serve(flags, self, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus serve --root ~/shop --port 0', 'serve a repository on any free port'],
      ['muse-bus serve --relay nats://nats:4222', 'also publish it for edges on other machines'],
      ['MUSE_BUS_LOG_LEVEL=debug muse-bus serve --no-journal', 'settings can also come from the environment'],
    ],
    exits: {
      0: 'ended by SIGINT or SIGTERM',
      1: 'bad settings, the port is taken, or the repository is already served or published',
      3: 'the repository was moved, removed or replaced, and did not come back',
      [INTERNAL_ERROR_EXIT]: 'internal error: the log says where; restart the server',
    },
  });
}

/** Serves a repository until a signal ends it. On SIGHUP it reads its token and certificate again. */
async function serve(flags: { readonly root?: string }, self: Command, terminal: Terminal): Promise<void> {
  const root = repositoryOf(flags.root);
  const resolved = resolveSettings(writtenFlags(self), process.env, root);
  refuseUnknownVariables(resolved);
  // Loaded on demand, because other commands and the help of all commands use this module too.
  const [{ BusServer }, { makeLog }] = await Promise.all([
    import('../../../server/index.js'),
    import('../terminal/log.js'),
  ]);
  const log = makeLog(resolved.settings.logLevel);
  logSettingSources(resolved, log);
  const server = new BusServer(serverOptions(root, resolved, log));
  const stopped = Promise.race([untilSignal(), untilUncaughtError(log)]);
  const endpoint = await startServer(server);
  const release = startReloading(server, log);
  // If stdout is not a terminal it may be a log, which must not contain the token.
  if (terminal.isInteractive) terminal.out(`Inspector  ${inspectorUrl(endpoint)}`);
  else terminal.out(`Listening at ${endpoint.url}; its token is in ${endpointFileIn(root, server)}`);
  const ended = await Promise.race([stopped, server.relayRefused, server.repositoryGone, server.repositoryTaken]);
  // A server that has lost its repository has nothing more to say.
  if (!ended) await server.drain();
  release();
  await server.stop();
  endSoon();
  if (ended instanceof RepositoryGoneError) throw goneFailure(root, ended);
  if (ended instanceof LockError) throw takenFailure(ended);
  if (ended) throw relayFailure(ended);
}

/**
 * Returns the path of the endpoint file, relative to the repository if it lies inside. For a repository that cannot be written to, it lies
 * outside.
 */
function endpointFileIn(root: string, { endpointFile }: BusServer): string {
  const inside = relative(realpathSync(root), endpointFile);
  return inside.startsWith('..') ? endpointFile : inside;
}

/** Reloads on SIGHUP, and soon after `muse-bus token rotate` has changed the token file. */
function startReloading(server: BusServer, log: Log): () => void {
  const reload = (): void => void server.reload().catch((error: unknown) => log.error({ err: error }, 'reload failed'));
  const file = server.tokenFile;
  watchFile(file, { interval: TOKEN_CHECK_INTERVAL_MS, persistent: false }, reload);
  const release = onReload(reload);
  return () => {
    unwatchFile(file, reload);
    release();
  };
}

/** @throws CliError with a hint. */
export async function startServer(server: BusServer): Promise<Endpoint> {
  try {
    await refuseTakenPort(server.options);
    return await server.start();
  } catch (error) {
    if (error instanceof LockError) {
      throw new CliError(
        error.message,
        'already_served',
        'clients such as muse-bus watch find the running server by themselves',
      );
    }
    if (error instanceof TrustError) throw new CliError(error.message, 'untrusted', error.hint);
    const failure = portFailure(error, server.options);
    if (failure) throw failure;
    throw error;
  }
}

function goneFailure(root: string, { message }: RepositoryGoneError): CliError {
  const hint = 'serve it at its new path, or wait longer with --gone-after';
  return new CliError(`${root}: ${message}`, 'repository_gone', hint, REPOSITORY_GONE_EXIT);
}

function takenFailure({ message }: LockError): CliError {
  const hint =
    'the lock file of this server was removed (git clean does that), and another server now serves the repository';
  return new CliError(message, 'already_served', hint);
}

function relayFailure(error: Error): CliError {
  if (!(error instanceof RelayTakenError)) return toCliError(error);
  const hint = 'stop the other server, or choose another name with --relay-repository';
  return new CliError(error.message, 'relay_taken', hint);
}

/** The address of the inspector. The token is in the fragment, which browsers do not send to a server. */
export function inspectorUrl({ url, token }: Endpoint): string {
  return `${httpUrl(url)}/#token=${token}`;
}

/** @throws CliError if there is no repository to serve. */
export function repositoryOf(flag: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const named = flag === undefined ? rootInEnvironment(env) : { root: flag, by: '--root' };
  if (named !== undefined) {
    const { root, by: where } = named;
    const found = statSync(root, { throwIfNoEntry: false });
    if (found && !found.isDirectory())
      throw new CliError(
        `${where} ${resolve(root)} is no directory`,
        'no_repository',
        'name the directory of a repository',
      );
    if (found) return rootFound(repositoryNamed(resolve(root)), root);
    refuseNonUtf8(resolve(root));
    throw new CliError(`${where} ${resolve(root)} does not exist`, 'no_repository');
  }
  const from = workingDirectory();
  return rootFound(findRepositoryOf(from), from);
}

/**
 * Finds the repository that contains a named directory, as git and all other commands do. If there is none, or if a repository begins at
 * the directory, it is the directory itself.
 */
function repositoryNamed(directory: string): RepositorySearch {
  if (['.muse', '.git'].some((name) => existsSync(join(directory, name)))) return followWorktree(directory);
  const search = findRepositoryOf(directory, true);
  return search.is === 'none' ? { is: 'found', root: directory } : search;
}

function rootFound(search: RepositorySearch, from: string): string {
  switch (search.is) {
    case 'found':
      return search.root;
    case 'refused':
      throw new CliError(search.why, 'untrusted_repository', search.hint);
    case 'none':
      refuseNonUtf8(from);
      throw new CliError(
        `no .muse/ in ${from} or any directory above it`,
        'no_repository',
        `run inside a repository, or name one with --root DIR; serve creates ${join('DIR', '.muse')} if it is missing`,
      );
  }
}

function serverOptions(root: string, { settings }: ResolvedSettings, log: Log): ServerOptions {
  const { pollInterval, settle, reconcile, goneAfter, journalMaxAge } = settings;
  return {
    ...servingOptions(settings),
    root,
    stateDir: settings.stateDir,
    log,
    backend: settings.backend,
    pollIntervalMs: ms(pollInterval),
    settleMs: ms(settle),
    reconcileMs: ms(reconcile),
    goneAfterMs: ms(goneAfter),
    journal: settings.journal,
    journalMaxEvents: settings.journalMaxEvents,
    journalMaxAgeMs: ms(journalMaxAge),
    journalMaxBytes: settings.journalMaxBytes,
    relay: relayOptions({ settings }),
  };
}

/** The settings that servers and edges share. */
export function servingOptions(settings: ResolvedSettings['settings']) {
  return {
    host: settings.host,
    port: settings.port,
    transport: settings.transport,
    nativeEngineSha256: settings.nativeEngineSha256,
    heartbeatMs: ms(settings.heartbeat),
    idleTimeoutMs: ms(settings.idleTimeout),
    allowOrigins: settings.allowOrigin,
    allowHosts: settings.allowHost,
    tlsCertFile: settings.tlsCert,
    tlsKeyFile: settings.tlsKey,
    insecure: settings.insecure,
    drainMs: ms(settings.drain),
    probePort: settings.probePort,
    probeHost: settings.probeHost,
    limits: settings.limits,
  } satisfies Partial<ServerOptions>;
}

const ms = (seconds: number): number => Math.round(seconds * 1_000);

/** Logs settings that do not come from the command line, because the user may have forgotten a file or a variable. */
export function logSettingSources({ views, refusals }: Pick<ResolvedSettings, 'views' | 'refusals'>, log: Log): void {
  for (const origin of ['environment', 'user-file', 'repository-file'] as const) {
    const set = views.filter((view) => view.origin === origin);
    if (set.length === 0) continue;
    log.info({ settings: Object.fromEntries(set.map(({ name, value }) => [name, value])) }, `settings from ${origin}`);
  }
  for (const { name, value, where, why, allow } of refusals) {
    log.warn({ setting: name, value, file: where, allow }, `a setting is refused: ${why}`);
  }
}
