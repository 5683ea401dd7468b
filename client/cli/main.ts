#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_PORT, VERSION } from '../../protocol/index.js';
import { demo } from './demo.js';
import { asFailure, Failure } from './failure.js';
import { serve, type ServeFlags } from './serve.js';
import { processTerminal, type Terminal } from './terminal.js';
import { watch } from './watch.js';
import { readWatchFlags, type WatchFlags } from './watch-options.js';

const HELP_BEFORE = `Examples:
  muse-bus serve                         serve the repository around this directory
  muse-bus watch --kind reservation      print who reserves and releases, as it happens
  muse-bus watch --once --json           the state now, one JSON object a line, then exit
`;

const HELP_AFTER = `
Exit codes:
  0  normal end: --once, --timeout, --max-events, SIGINT, SIGTERM
  1  bad arguments, or the command could not do its work`;

function program(terminal: Terminal): Command {
  const command = new Command('muse-bus')
    .description('The coordination bus for swarms of coding agents.')
    .version(VERSION)
    .addHelpText('beforeAll', HELP_BEFORE)
    .addHelpText('afterAll', HELP_AFTER)
    .showSuggestionAfterError();

  withServeOptions(command.command('serve').description('watch a repository and serve its bus')).action(
    (flags: ServeFlags) => serve(flags, terminal),
  );

  command
    .command('watch')
    .description('print coordination events as they happen')
    .option('--once', 'print the current state, then exit')
    .option('--timeout <seconds>', 'stop after so many seconds (>= 0; 0 is --once)')
    .option('--max-events <n>', 'stop after n events (>= 1), snapshot events counted')
    .option('--poll-interval <seconds>', 'how often to look where the kernel does not tell (0.01 to 3600)', '1')
    .option('--run-id <id>', 'only records whose run_id is this')
    .option('-b, --branch <branch>', 'only records whose branch is this')
    .option('--kind <kind>', 'only this kind: reservation, intent, release, heartbeat, task, claim, dependency')
    .option('-f, --format <format>', 'text or json', 'text')
    .option('-j, --json', 'the same as --format json: one object a line')
    .option('--root <path>', 'the repository (default: the one around this directory)')
    .option('--url <url>', 'the bus to ask, ws://host:port (default: the one that serves the repository)')
    .option('--token <token>', 'its token (default: from .muse/bus/endpoint.json)')
    .action((flags: WatchFlags) => watch(readWatchFlags(flags), terminal));

  command
    .command('demo')
    .description('a throwaway repository with a swarm of simulated agents, served')
    .option('--agents <n>', 'how many agents', '25')
    .addOption(new Option('--port <n>', `port, 0 for any free one (default: ${String(DEFAULT_PORT)}, or any if taken)`))
    .action((flags: { agents: string; port?: string }) => demo(flags, terminal));

  withServeOptions(command.command('start', { hidden: true })).action((flags: ServeFlags, self: Command) =>
    self.args.length === 0 && process.argv.length === 3 ? demo({ agents: '25' }, terminal) : serve(flags, terminal),
  );
  return command;
}

function withServeOptions(command: Command): Command {
  return command
    .option('--root <path>', 'the repository (default: the one around this directory)')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port, 0 for any free one', String(DEFAULT_PORT))
    .option('--backend <backend>', 'how changes are noticed: auto, native, polling', 'auto')
    .option('--poll-interval <seconds>', 'how often polling looks (0.01 to 3600)', '1')
    .option('--transport <engine>', 'the WebSocket engine: auto, uws, ws', 'auto')
    .option('--log-level <level>', 'debug, info, warn, error, silent', 'info');
}

/** Fails in the form the caller reads: a line on stderr, or with --json an object on stdout. */
function report(failure: Failure, terminal: Terminal): void {
  const args = process.argv.slice(2);
  const isJson = args.some(
    (arg, i) =>
      /^(--json|-j|--format=json|-fjson)$/.test(arg) || (/^(--format|-f)$/.test(arg) && args[i + 1] === 'json'),
  );
  const { message, status, hint } = failure;
  if (isJson) terminal.out(JSON.stringify({ error: message, status, ...(hint === '' ? {} : { hint }) }));
  else terminal.err(`❌ ${message}${hint === '' ? '' : `\n   ${hint}`}`);
  process.exitCode = failure.exitCode;
}

function configureErrors(command: Command): void {
  // Commander's own words for a bad argument come through `report`, like any other.
  command.exitOverride().configureOutput({ outputError: () => undefined });
  command.commands.forEach(configureErrors);
}

const terminal = processTerminal();
const command = program(terminal);
configureErrors(command);
try {
  if (process.argv.length === 2) command.outputHelp();
  else await command.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) report(asFailure(error), terminal);
  else if (error.exitCode !== 0) report(new Failure(error.message.replace(/^error: /, '')), terminal);
}
