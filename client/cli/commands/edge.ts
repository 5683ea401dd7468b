import { Command } from 'commander';
import type { EdgeOptions, EdgeServer, Log } from '../../../server/index.js';
import { CliError } from '../cli-error.js';
import { withHelp } from '../terminal/help.js';
import { INTERNAL_ERROR_EXIT, untilUncaughtError } from '../terminal/uncaught-errors.js';
import { readEdgeRepositories, type NamedRepository } from '../settings/edge-repositories.js';
import { relayOptions } from '../settings/relay-settings.js';
import {
  refuseUnknownVariables,
  resolveSettings,
  withSettings,
  writtenFlags,
  type ResolvedSettings,
} from '../settings/resolve-settings.js';
import { inspectorUrl, servingOptions, logSettingSources } from './serve.js';
import { portFailure } from './taken-port.js';
import { ORIGIN_ONLY } from '../settings/settings.js';
import { endSoon, onReload, untilSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

interface EdgeFlags {
  readonly endpoint?: string;
  readonly tokenFile?: string;
}

export function edgeCommand(terminal: Terminal): Command {
  const command = new Command('edge')
    .description('serve a repository without its files, from what serve --relay publishes to NATS')
    .option(
      '--endpoint <file>',
      'file to write the address and token of this edge to; other commands read it with --endpoint',
    )
    .option(
      '--token-file <file>',
      'file with the token of this edge (default: FILE.token beside the endpoint, created once)',
    );
  withSettings(command, (name) => !ORIGIN_ONLY.has(name)).action((flags: EdgeFlags, self: Command) =>
    edge(flags, self, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus edge --relay nats://nats:4222 --endpoint edge.json', 'serve what the origin publishes'],
      ['muse-bus watch --endpoint edge.json', 'a client of it'],
      ['muse-bus edge --relay nats://nats:4222 --repositories repositories.json', 'several repositories, one port'],
    ],
    exits: {
      0: 'ended by SIGINT or SIGTERM',
      1: 'bad settings, the port is taken, or NATS refuses access',
      [INTERNAL_ERROR_EXIT]: 'internal error: the log says where; restart the edge',
    },
  });
}

/** Serves from a stream until a signal ends it. On SIGHUP it reads its repositories, tokens and certificate again. */
async function edge(flags: EdgeFlags, self: Command, terminal: Terminal): Promise<void> {
  const resolved = resolveSettings(writtenFlags(self), process.env);
  refuseUnknownVariables(resolved);
  const { settings } = resolved;
  const served = servedOf(flags, resolved);
  // Loaded on demand, because the help of all commands uses this module too.
  const [{ EdgeServer }, { makeLog }] = await Promise.all([
    import('../../../server/index.js'),
    import('../terminal/log.js'),
  ]);
  const log = makeLog(settings.logLevel);
  logSettingSources(resolved, log);
  const server = new EdgeServer({
    ...servingOptions(settings),
    ...served,
    maxStalenessMs: Math.round(settings.maxStaleness * 1_000),
    sharePort: settings.sharePort,
    log,
  });
  const stopped = Promise.race([untilSignal(), untilUncaughtError(log)]);
  const started = start(server);
  const release = onReload(() => {
    reload(server, settings, log).catch((error: unknown) => {
      log.error({ err: error }, 'reload failed');
    });
  });
  // Waiting for NATS or the origin may take long.
  await Promise.race([started, stopped]);
  for (const { endpoint, files } of server.services) {
    if (endpoint && terminal.isInteractive) terminal.out(`Inspector  ${inspectorUrl(endpoint)}`);
    else if (endpoint) terminal.out(`Listening at ${endpoint.url}; its token is in ${files.shownFile}`);
  }
  await stopped;
  await server.drain();
  release();
  await server.stop();
  endSoon();
  // If the server was still starting, the result of that no longer matters.
  await started.catch(() => undefined);
}

/** Reads again what may have changed: the list of repositories, tokens, the certificate. A list that is bad leaves all as it was. */
async function reload(server: EdgeServer, settings: ResolvedSettings['settings'], log: Log): Promise<void> {
  const { repositories } = settings;
  if (repositories === undefined) return server.reload();
  let named: readonly NamedRepository[];
  try {
    named = readEdgeRepositories(repositories, settings);
  } catch (error) {
    log.error({ err: error }, 'the repositories stay as they were');
    return server.reload();
  }
  await server.reload(named.map(({ options }) => options));
}

/** What an edge serves: one repository of the flags, or those of a file. @throws CliError if it is neither, or both. */
function servedOf(
  flags: EdgeFlags,
  resolved: ResolvedSettings,
): Pick<EdgeOptions, 'relay' | 'endpointFile' | 'tokenFile' | 'repositories'> {
  const { settings } = resolved;
  if (settings.repositories !== undefined) {
    if (flags.endpoint !== undefined || flags.tokenFile !== undefined) {
      const hint = 'each repository has endpoint and token_file in the file';
      throw new CliError('--repositories goes without --endpoint and --token-file', 'bad_args', hint);
    }
    return { repositories: readEdgeRepositories(settings.repositories, settings).map(({ options }) => options) };
  }
  const relay = relayOptions(resolved);
  if (!relay) throw new CliError('an edge needs the NATS server of its origin: --relay nats://host:4222');
  if (flags.endpoint === undefined) {
    throw new CliError('an edge needs a file to write its address to: --endpoint FILE');
  }
  return { relay, endpointFile: flags.endpoint, tokenFile: flags.tokenFile };
}

async function start(server: EdgeServer): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    const { probePort } = server.options;
    const failure = portFailure(error, { probePort, share: 'or start all edges of this port with --share-port' });
    if (failure) throw failure;
    throw error;
  }
}
