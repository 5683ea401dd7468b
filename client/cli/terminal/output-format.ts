import { Option, type Command } from 'commander';
import { asTyped, CliError } from '../cli-error.js';
import { withChoices } from './help.js';
import type { Terminal } from './terminal.js';

/** The flags for the output format, as they were given. */
export interface FormatFlags {
  readonly json?: boolean;
  readonly format?: string;
}

const FORMATS = ['text', 'json'] as const;
type Format = (typeof FORMATS)[number];

/** @param fallback what the command prints without these flags, for its help. */
export function withFormat(command: Command, fallback = 'text on a terminal, json in a pipe'): Command {
  return command
    .addOption(withChoices(new Option('-f, --format <format>', `output format (default: ${fallback})`), FORMATS))
    .option('-j, --json', 'the same as --format json: one object per line');
}

/** @throws CliError for an unknown format. */
export function readFormat({ json, format }: FormatFlags, fallback: Format): Format {
  const known = FORMATS.find((one) => one === format);
  if (format !== undefined && known === undefined) {
    throw new CliError(`--format must be text or json, got ${asTyped(format)}`);
  }
  return json === true ? 'json' : (known ?? fallback);
}

/** A table for people, lines for programs. */
export const usualFormat = (terminal: Terminal): Format => (terminal.isInteractive ? 'text' : 'json');

/** The flags that say how much a command prints for people. */
export interface PrintFlags {
  readonly wide?: boolean;
  readonly quiet?: boolean;
}

export const withWide = (command: Command): Command =>
  command.option('--wide', 'do not cut the cells of tables to fit the terminal');

export const withQuiet = (command: Command): Command =>
  command.option('-q, --quiet', 'print no notes and no headings, only results and errors');

/** The width that tables may have. */
export const widthOf = ({ wide }: PrintFlags, terminal: Terminal): number =>
  wide === true ? Infinity : terminal.columns;

/** The terminal for a command that may be quiet. Errors that end a command are always printed. */
export const printedOn = ({ quiet }: PrintFlags, terminal: Terminal): Terminal =>
  quiet === true ? { ...terminal, err: () => undefined } : terminal;
