import { CommanderError, type Command } from 'commander';
import { toCliError, CliError } from './cli-error.js';
import { program, usageOf } from './program.js';
import { refuseSecrets, withoutValue } from './settings/secret-arguments.js';
import { closestMatch } from '../../protocol/index.js';
import { TerminalText } from './terminal/terminal-text.js';
import { processTerminal, type Terminal, type WithoutReader } from './terminal/terminal.js';

/** Reports a failure as lines on stderr or, with --json, as an object on stdout. */
function report(failure: CliError, terminal: Terminal): void {
  const args = process.argv.slice(2);
  const isJson = args.some(
    (arg, i) =>
      /^(--json|-j|--format=json|-fjson)$/.test(arg) || (/^(--format|-f)$/.test(arg) && args[i + 1] === 'json'),
  );
  const { message, status, hint, marked } = failure;
  if (isJson) terminal.json({ error: message, status, ...(hint === '' ? {} : { hint }) });
  else {
    terminal.err(`❌ ${message}`);
    for (const text of marked) terminal.err(TerminalText.ofVisible(`   ${text}`));
    if (hint !== '') terminal.err(`   ${hint}`);
  }
  process.exitCode = failure.exitCode;
}

function configureOutput(command: Command, terminal: Terminal): void {
  const writeOut = (text: string): void => {
    for (const line of text.replace(/\n$/, '').split('\n')) terminal.out(line);
  };
  command.exitOverride().configureOutput({
    writeOut,
    // The help of a command that is only a group of others, such as `token`.
    writeErr: writeOut,
    // `report` prints what commander says about a bad argument, like any other failure.
    outputError: () => undefined,
  });
  for (const child of command.commands) configureOutput(child, terminal);
}

/** `help` of what is no command would be the help of everything, without a word about it. @throws CliError */
function checkHelpTopic(command: Command, topics: readonly string[]): void {
  const [topic, ...rest] = topics.filter((word) => !word.startsWith('-'));
  if (topic === undefined || command.commands.length === 0) return;
  const found = command.commands.find((child) => child.name() === topic || child.aliases().includes(topic));
  if (found) {
    checkHelpTopic(found, rest);
    return;
  }
  const names = command
    .createHelp()
    .visibleCommands(command)
    .map((child) => child.name());
  const best = closestMatch(topic, names);
  const hint = best === undefined ? `there are ${names.join(', ')}` : `did you mean ${best}?`;
  throw new CliError(`unknown command '${topic}'`, 'bad_args', hint);
}

/** Commander writes its suggestion on a second line. */
function fromCommander({ message }: CommanderError, program: Command): CliError {
  // To Commander, `--json=yes` is an unknown option. The value is not repeated: it may be a secret.
  const valued = /^error: unknown option '(--[^=']+)=/.exec(message)?.[1];
  const known = valued !== undefined && typedCommand(program).options.some(({ long }) => long === valued);
  if (known) return new CliError(`${valued} takes no value`);
  const text = withoutValue(message.replace(/^error: /, '')).replace(/\n(?=\(Did you mean [^\n]*\)$)/, ' ');
  return new CliError(
    text,
    'bad_args',
    text.includes(' (Did you mean ') ? '' : `see ${usageOf(typedCommand(program))} --help`,
  );
}

/** The command that was typed, as far as there is one. */
function typedCommand(program: Command): Command {
  let command = program;
  for (const word of process.argv.slice(2)) {
    const child = command.commands.find((one) => one.name() === word);
    if (!child) break;
    command = child;
  }
  return command;
}

/** Reports an uncaught error. Node itself would print message and stack without escaping them. */
function reportCrash(error: unknown, terminal: Terminal): never {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  terminal.err(`❌ ${message}`);
  for (const frame of stack.split('\n').filter((line) => line.startsWith('    at '))) terminal.err(frame);
  process.exit(1);
}

/** The commands that do not end when their output no longer has a reader. */
const WITHOUT_READER: ReadonlyMap<string, WithoutReader> = new Map<string, WithoutReader>([
  ...['serve', 'start', 'edge', 'mcp'].map((name) => [name, 'serves'] as const),
  ...['wait', 'doctor', 'hooks'].map((name) => [name, 'answers'] as const),
]);

/** Runs the command that the process was started with. */
export async function runCommandLine(): Promise<void> {
  const terminal = processTerminal(WITHOUT_READER.get(process.argv[2] ?? ''));
  process.on('uncaughtException', (error) => reportCrash(error, terminal));
  const command = await program(terminal, process.argv[2]);
  configureOutput(command, terminal);
  try {
    refuseSecrets(process.argv.slice(2));
    if (process.argv[2] === 'help') checkHelpTopic(command, process.argv.slice(3));
    if (process.argv.length === 2) command.outputHelp();
    else await command.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) report(toCliError(error), terminal);
    else if (error.code !== 'commander.help' && error.exitCode !== 0) report(fromCommander(error, command), terminal);
  }
}
