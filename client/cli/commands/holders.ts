import { Command } from 'commander';
import { parseTimestamp, type AddressContext } from '../../../protocol/index.js';
import { readAddresses } from '../../sdk/address.js';
import { BusError } from '../../sdk/bus-error.js';
import type { Holder } from '../../sdk/holders.js';
import { addressContext } from './address-context.js';
import { CliError } from '../cli-error.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import { findSource } from './source.js';
import { table, type Column } from '../terminal/table.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Text } from '../terminal/terminal-text.js';

interface HoldersFlags extends FormatFlags, TargetFlags {
  readonly branch?: string;
}

export function holdersCommand(terminal: Terminal): Command {
  const command = new Command('holders')
    .description('list who holds an address now, the lease that ends first at the top')
    .argument(
      '<address>',
      'a symbol (src/billing.py::compute_total), or a file, directory or pattern and everything it covers',
    )
    .option('-b, --branch <branch>', 'only reservations on this branch');
  withTarget(withFormat(command)).action((address: string, flags: HoldersFlags) => holders(address, flags, terminal));
  return withHelp(command, {
    examples: [
      ["muse-bus holders 'src/billing.py::compute_total'", 'who holds one symbol'],
      ["muse-bus holders 'src/*.py'", 'who holds any of these files'],
      ['muse-bus holders src/billing.py --branch main --json', 'only on one branch, one JSON object a line'],
    ],
    exits: { ...USUAL_EXITS, 0: 'success; nothing is printed if nobody holds the address' },
  });
}

async function holders(address: string, flags: HoldersFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, usualFormat(terminal));
  const target = readTarget(flags);
  const context = addressContext(target);
  readAddress(address, context);
  const source = await findSource(target, terminal);
  try {
    const held = await source.client.holders(address, { branch: flags.branch, ...context });
    if (format === 'json') for (const holder of held) terminal.json(holder);
    else if (held.length === 0) terminal.err(`nobody holds ${address}`);
    else for (const line of holderTable(held, source.client.serverNow())) terminal.out(line);
  } finally {
    await source.stop();
  }
}

/** @throws CliError for an invalid address. An empty one may come from an unset variable in a script. */
export function readAddress(address: string, context: AddressContext): void {
  try {
    readAddresses(address, context);
  } catch (error) {
    if (error instanceof BusError) throw new CliError(error.message, 'bad_args', error.hint);
    throw error;
  }
}

/** @param now on the server's clock. */
export function holderTable(holders: readonly Holder[], now: number): Text[] {
  const columns: readonly Column<Holder>[] = [
    { head: 'RUN', cell: ({ run_id }) => run_id },
    { head: 'BRANCH', cell: ({ branch }) => branch },
    { head: 'ENDS IN', cell: (holder) => timeLeft(holder, now) },
    { head: 'RESERVATION', cell: ({ reservation }) => reservation },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses },
  ];
  return table(columns, holders);
}

/**
 * Returns the time left: `4m 12s`; `4m 12s?` if the holder has gone silent; `unknown` if the end is not known. @param now Unix
 * milliseconds.
 */
export function timeLeft({ effective_expires_at, state }: Holder, now: number): string {
  const until = parseTimestamp(effective_expires_at);
  if (state === 'unknown' || until === undefined) return 'unknown';
  return `${duration(until - now)}${state === 'suspect' ? '?' : ''}`;
}

/** Returns a duration in at most two units, of which seconds are the smallest: `2d 3h`, `4m 12s`, `9s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 60) return `${String(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)}m ${String(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${String(hours)}h ${String(minutes % 60)}m`;
  return `${String(Math.floor(hours / 24))}d ${String(hours % 24)}h`;
}
