import { Command } from 'commander';
import { EdgeServer } from '../../../server/index.js';
import { CliError } from '../cli-error.js';
import { withHelp } from '../terminal/help.js';
import { INTERNAL_ERROR_EXIT, untilUncaughtError } from '../terminal/uncaught-errors.js';
import { makeLog } from '../terminal/log.js';
import { relayOptions } from '../settings/relay-settings.js';
import { refuseUnknownVariables, resolveSettings, withSettings, writtenFlags } from '../settings/resolve-settings.js';
import { inspectorUrl, servingOptions, logSettingSources } from './serve.js';
import type { SettingName } from '../settings/settings.js';
import { endSoon, onReload, untilSignal } from '../terminal/signals.js';
import type { Terminal } from '../terminal/terminal.js';

/** What is the origin's alone: how files are watched and kept, and what the stream holds. */
const ORIGINS_OWN: ReadonlySet<SettingName> = new Set<SettingName>([
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

interface EdgeFlags {
  readonly endpoint?: string;
  readonly tokenFile?: string;
  readonly sharePort?: boolean;
}

export function edgeCommand(terminal: Terminal): Command {
  const command = new Command('edge')
    .description('serve, without its files, the repository that serve --relay publishes to NATS')
    .option('--endpoint <file>', 'where to say how this edge is reached, for --endpoint of other commands')
    .option('--token-file <file>', 'the token of this edge (default: beside the endpoint, FILE.token, made once)')
    .option('--share-port', 'let several edges of this host listen on one port, each on a core of its own');
  withSettings(command, (name) => !ORIGINS_OWN.has(name)).action((flags: EdgeFlags, self: Command) =>
    edge(flags, self, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus edge --relay nats://nats:4222 --endpoint edge.json', 'serve what the origin publishes'],
      ['muse-bus edge --relay nats://nats:4222 --endpoint edge.json --share-port', 'once for each core'],
      ['muse-bus watch --endpoint edge.json', 'a client of it'],
    ],
    exits: {
      0: 'ended by SIGINT or SIGTERM',
      1: 'bad settings, the port is taken, or NATS refuses the access',
      [INTERNAL_ERROR_EXIT]: 'an error that nobody had foreseen: its line in the log says where; start it again',
    },
  });
}

/** Serves from a stream until a signal ends it; SIGHUP has it read its certificate again. */
async function edge(flags: EdgeFlags, self: Command, terminal: Terminal): Promise<void> {
  const resolved = resolveSettings(writtenFlags(self), process.env);
  refuseUnknownVariables(resolved);
  const { settings } = resolved;
  const relay = relayOptions(resolved);
  if (!relay) throw new CliError('an edge needs to know where its origin publishes: --relay nats://host:4222');
  if (flags.endpoint === undefined) {
    throw new CliError('an edge needs a file in which to say how it is reached: --endpoint FILE');
  }
  const log = makeLog(settings.logLevel);
  logSettingSources(resolved, log);
  const server = new EdgeServer({
    ...servingOptions(settings),
    relay,
    endpointFile: flags.endpoint,
    tokenFile: flags.tokenFile,
    sharePort: flags.sharePort ?? false,
    log,
  });
  const stopped = Promise.race([untilSignal(), untilUncaughtError(log)]);
  const started = start(server);
  // NATS or the origin may let wait for a long time.
  await Promise.race([started, stopped]);
  const release = onReload(() => {
    server.reloadTls().catch((error: unknown) => {
      log.error({ err: error }, 'reload failed');
    });
  });
  const { endpoint } = server;
  if (endpoint && terminal.isInteractive) terminal.out(`Inspector  ${inspectorUrl(endpoint)}`);
  else if (endpoint) terminal.out(`Listening at ${endpoint.url}; its token is in ${flags.endpoint}`);
  await stopped;
  release();
  await server.stop();
  endSoon();
  // What it still waited for no longer matters.
  await started.catch(() => undefined);
}

async function start(server: EdgeServer): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const hint = 'choose another with --port; several edges may have one with --share-port, given to each of them';
    throw new CliError((error as Error).message, 'port_in_use', hint);
  }
}
