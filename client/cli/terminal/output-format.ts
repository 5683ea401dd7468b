import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import type { Terminal } from './terminal.js';

/** How a command is to answer, as it was written. */
export interface FormatFlags {
  readonly json?: boolean;
  readonly format?: string;
}

/** For commands that list things: a table on a terminal, one JSON object a line in a pipe. */
export function withFormat(command: Command): Command {
  return command
    .option('-f, --format <format>', 'text or json (default: text on a terminal, json in a pipe)')
    .option('-j, --json', 'the same as --format json: one object a line');
}

/** @throws CliError for a format there is not. */
export function readFormat(flags: FormatFlags, otherwise: 'text' | 'json'): 'text' | 'json' {
  const { json, format } = flags;
  if (format !== undefined && format !== 'text' && format !== 'json') {
    throw new CliError(`--format must be text or json, got ${format}`);
  }
  return json === true ? 'json' : (format ?? otherwise);
}

/** A table for people, lines for programs. */
export const usualFormat = (terminal: Terminal): 'text' | 'json' => (terminal.isInteractive ? 'text' : 'json');
