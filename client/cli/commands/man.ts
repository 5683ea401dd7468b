import { Command, type Option } from 'commander';
import { VERSION } from '../../../protocol/index.js';
import { helpOf } from '../terminal/help.js';
import type { Terminal } from '../terminal/terminal.js';

/** Prints the manual page, which the build writes beside the program. It says what the help of each command says. */
export function manCommand(terminal: Terminal, program: Command): Command {
  return new Command('man').description('print the manual page').action(() => {
    for (const line of manualPage(program)) terminal.out(line);
  });
}

/** The page in the language of man(7). */
function manualPage(program: Command): string[] {
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
  return [
    `.TH MUSE\\-BUS 1 "" "muse\\-bus ${text(VERSION)}" "User Commands"`,
    '.SH NAME',
    `muse\\-bus \\- ${text(program.description().replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B muse\\-bus',
    '.I command',
    '.RI [ options ]',
    ...examplesOf(program),
    '.SH COMMANDS',
    ...commands.flatMap((command) => sectionOf(command, command.name())),
    '.SH EXIT STATUS',
    ...exitsOf(program),
    '.SH SEE ALSO',
    'docs/CLI.md and docs/OPERATIONS.md in the package',
  ];
}

function sectionOf(command: Command, name: string): string[] {
  const nested = command.commands.filter((child) => child.name() !== 'help');
  const usage = [name, ...command.registeredArguments.map((one) => `<${one.name()}>`)].join(' ');
  const args = command.registeredArguments.filter(({ description }) => description !== '');
  return [
    `.SS ${text(usage)}`,
    text(`${command.description()}.`),
    ...args.flatMap((one) => ['.TP', `.I ${text(one.name())}`, text(withChoices(one.description, one.argChoices))]),
    ...command.options.filter(({ hidden }) => !hidden).flatMap(optionOf),
    ...examplesOf(command),
    ...exitsOf(command),
    ...nested.flatMap((child) => sectionOf(child, `${name} ${child.name()}`)),
  ];
}

const optionOf = ({ flags, description, argChoices }: Option): string[] => [
  '.TP',
  `.B ${text(flags)}`,
  text(withChoices(description, argChoices)),
];

const withChoices = (description: string, choices: readonly string[] | undefined): string =>
  choices === undefined ? description : `${description}: ${choices.join(', ')}`;

function examplesOf(command: Command): string[] {
  const examples = helpOf(command)?.examples ?? [];
  if (examples.length === 0) return [];
  return ['.PP', 'Examples:', ...examples.flatMap(([line, effect]) => ['.TP', `.B ${text(line)}`, text(effect)])];
}

function exitsOf(command: Command): string[] {
  const exits = Object.entries(helpOf(command)?.exits ?? {});
  return exits.length === 0
    ? []
    : ['.PP', 'Exit codes:', ...exits.flatMap(([code, meaning]) => ['.TP', code, text(meaning)])];
}

/** A text on a line of its own: nothing in it is a request or an escape. */
const text = (value: string): string =>
  value
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&')
    .replace(/\s+/g, ' ');
