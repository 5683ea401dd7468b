import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { surroundings, userConfigFile } from '../../server/repository/index.js';
import { VERSION } from '../../protocol/index.js';
import { CliError } from './cli-error.js';
import { withHelp } from './terminal/help.js';
import type { Terminal } from './terminal/terminal.js';

type MakeCommand = (terminal: Terminal, program: Command) => Command;

/** One module for each command, in the order of the help. Only the module of the given command is loaded, to start fast. */
const COMMANDS: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map<string, () => Promise<MakeCommand>>([
  ['serve', async () => (await import('./commands/serve.js')).serveCommand],
  ['edge', async () => (await import('./commands/edge.js')).edgeCommand],
  ['watch', async () => (await import('./commands/watch.js')).watchCommand],
  ['get', async () => (await import('./commands/get.js')).getCommand],
  ['holders', async () => (await import('./commands/holders.js')).holdersCommand],
  ['wait', async () => (await import('./commands/wait.js')).waitCommand],
  ['top', async () => (await import('./commands/top.js')).topCommand],
  ['record', async () => (await import('./commands/record.js')).recordCommand],
  ['replay', async () => (await import('./commands/replay.js')).replayCommand],
  ['doctor', async () => (await import('./doctor/doctor.js')).doctorCommand],
  ['config', async () => (await import('./commands/config.js')).configCommand],
  ['token', async () => (await import('./commands/token.js')).tokenCommand],
  ['hook', async () => (await import('./commands/hook.js')).hookCommand],
  ['hooks', async () => (await import('./commands/hooks.js')).hooksCommand],
  ['mcp', async () => (await import('./mcp/mcp.js')).mcpCommand],
  ['demo', async () => (await import('./demo/demo.js')).demoCommand],
  ['completion', async () => (await import('./commands/completion.js')).completionCommand],
]);

/** Builds the command line. @param name the first argument: if it is a command, the others are not loaded. */
export async function program(terminal: Terminal, name: string | undefined): Promise<Command> {
  const command = new Command('muse-bus')
    .description('The coordination bus for swarms of coding agents.')
    .version(VERSION)
    .showSuggestionAfterError();
  const hidden = await hiddenCommand(name, terminal, command);
  if (hidden) command.addCommand(hidden, { hidden: true });
  // The manual page says what all commands say.
  if (!hidden || name === 'man')
    for (const make of await commandsFor(name)) command.addCommand(make(terminal, command));
  command.hook('preAction', (_program, action) => {
    checkArguments(action);
    return checkUserConfig(action.name());
  });
  allowExcessArguments(command);
  return withHelp(command, {
    examples: [
      ['muse-bus serve', 'serve the repository around this directory'],
      ['muse-bus watch --kind reservation --kind release', 'print reservations and releases as they happen'],
      [
        "muse-bus wait --free 'src/a.py::f' --timeout 30",
        'wait until a symbol is free; exit code 0: free, 2: timed out',
      ],
    ],
    exits: {
      0: 'success; watch also after --once, --timeout, --max-events, SIGINT, SIGTERM',
      1: 'bad arguments or failure; doctor: something is wrong',
      2: 'wait: timed out',
    },
  });
}

/** Commander would count the arguments that are too many; {@link checkArguments} names them. */
function allowExcessArguments(command: Command): void {
  for (const child of command.commands) allowExcessArguments(child.allowExcessArguments());
}

/** The flags that say where something is. */
const PLACES: ReadonlySet<string | undefined> = new Set(['--root', '--url', '--endpoint', '--token-file']);

/** @throws CliError that names a place without a name, or the arguments that a command does not take. */
function checkArguments(command: Command): void {
  const { args, registeredArguments, options } = command;
  // An unset variable of a script must not mean this directory.
  const unset = options.find((one) => PLACES.has(one.long) && command.getOptionValue(one.attributeName()) === '');
  if (unset) throw new CliError(`${String(unset.long)} is empty`);
  if (registeredArguments.at(-1)?.variadic === true || args.length <= registeredArguments.length) return;
  const excess = args.slice(registeredArguments.length).join(' ');
  const taken = registeredArguments.map((one) => `<${one.name()}>`).join(' ');
  const takes = taken === '' ? 'takes no argument, got' : `takes only ${taken}, got also`;
  throw new CliError(`${command.name()} ${takes} ${excess}`, 'bad_args', `see ${usageOf(command)} --help`);
}

/** Returns a command as it is typed, `muse-bus get`. */
export function usageOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one; one = one.parent) names.unshift(one.name());
  return names.join(' ');
}

/** `doctor` reports an invalid configuration as a finding; `completion`, `complete` and `man` must print nothing but what is asked for. */
const WITHOUT_CONFIG: ReadonlySet<string> = new Set(['doctor', 'completion', 'complete', 'man']);

/** A mistake in the user's configuration file is an error of every command, even if the command needs no setting. @throws CliError */
async function checkUserConfig(name: string): Promise<void> {
  const file = userConfigFile(surroundings());
  if (WITHOUT_CONFIG.has(name) || file === undefined || !existsSync(file)) return;
  const { readUserConfig } = await import('./settings/user-config.js');
  readUserConfig(process.env);
}

function commandsFor(name: string | undefined): Promise<MakeCommand[]> {
  if (name === '--version' || name === '-V') return Promise.resolve([]);
  const named = COMMANDS.get(name ?? '');
  // `completion` needs all commands.
  const wanted = named === undefined || name === 'completion' ? [...COMMANDS.values()] : [named];
  return Promise.all(wanted.map((load) => load()));
}

/** Commands that people do not type: for `npm start`, the build and the scripts of `completion`. */
async function hiddenCommand(
  name: string | undefined,
  terminal: Terminal,
  program: Command,
): Promise<Command | undefined> {
  switch (name) {
    case 'start':
      return startCommand(terminal);
    case 'man':
      return (await import('./commands/man.js')).manCommand(terminal, program);
    case 'complete':
      return (await import('./commands/complete.js')).completeCommand(terminal);
    default:
      return undefined;
  }
}

/** What `npm start` runs: the demo, or with flags a server. */
async function startCommand(terminal: Terminal): Promise<Command> {
  if (process.argv.length > 3) return (await import('./commands/serve.js')).serveCommandCalled('start', terminal);
  const { demo } = await import('./demo/demo.js');
  return new Command('start').action(() => demo({ agents: '25' }, terminal));
}
