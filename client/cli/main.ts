#!/usr/bin/env node
import { CommanderError, type Command } from 'commander';
import { asFailure, Failure } from './failure.js';
import { program } from './program.js';
import { processTerminal, type Terminal } from './terminal.js';

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

/** A server goes on though nobody reads what it prints; everything else is done then. */
const servesOn = /^(serve|start|edge|mcp)$/.test(process.argv[2] ?? '');
const terminal = processTerminal(servesOn ? () => undefined : undefined);
const command = await program(terminal, process.argv[2]);
configureErrors(command);
try {
  if (process.argv.length === 2) command.outputHelp();
  else await command.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) report(asFailure(error), terminal);
  else if (error.exitCode !== 0) report(new Failure(error.message.replace(/^error: /, '')), terminal);
}
