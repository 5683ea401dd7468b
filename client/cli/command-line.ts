import { CommanderError, type Command } from 'commander';
import { toCliError, CliError } from './cli-error.js';
import { program } from './program.js';
import { refuseSecrets, withoutValue } from './settings/secret-arguments.js';
import { processTerminal, type Terminal } from './terminal/terminal.js';

/** Reports a failure as lines on stderr or, with --json, as an object on stdout. */
function report(failure: CliError, terminal: Terminal): void {
  const args = process.argv.slice(2);
  const isJson = args.some(
    (arg, i) =>
      /^(--json|-j|--format=json|-fjson)$/.test(arg) || (/^(--format|-f)$/.test(arg) && args[i + 1] === 'json'),
  );
  const { message, status, hint } = failure;
  if (isJson) terminal.json({ error: message, status, ...(hint === '' ? {} : { hint }) });
  else {
    terminal.err(`❌ ${message}`);
    if (hint !== '') terminal.err(`   ${hint}`);
  }
  process.exitCode = failure.exitCode;
}

function configureOutput(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      for (const line of text.replace(/\n$/, '').split('\n')) terminal.out(line);
    },
    // `report` prints what commander says about a bad argument, like any other failure.
    outputError: () => undefined,
  });
  for (const child of command.commands) configureOutput(child, terminal);
}

/** Commander writes its suggestion on a second line. */
function fromCommander({ message }: CommanderError): CliError {
  return new CliError(withoutValue(message.replace(/^error: /, '')).replace(/\n(?=\(Did you mean [^\n]*\)$)/, ' '));
}

/** Reports an uncaught error. Node itself would print message and stack without escaping them. */
function reportCrash(error: unknown): never {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  terminal.err(`❌ ${message}`);
  for (const frame of stack.split('\n').filter((line) => line.startsWith('    at '))) terminal.err(frame);
  process.exit(1);
}

/** A server keeps running when its output no longer has a reader; every other command ends. */
const isServer = /^(serve|start|edge|mcp)$/.test(process.argv[2] ?? '');
const terminal = processTerminal(isServer ? () => undefined : undefined);
process.on('uncaughtException', reportCrash);
const command = await program(terminal, process.argv[2]);
configureOutput(command, terminal);
try {
  refuseSecrets(process.argv.slice(2));
  if (process.argv.length === 2) command.outputHelp();
  else await command.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) report(toCliError(error), terminal);
  else if (error.exitCode !== 0) report(fromCommander(error), terminal);
}
