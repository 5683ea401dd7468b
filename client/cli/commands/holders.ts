import { Command } from 'commander';
import { parseTimestamp, type Address, type AddressContext } from '../../../protocol/index.js';
import { readAddresses } from '../../sdk/address.js';
import type { BusClient } from '../../sdk/bus-client.js';
import { BusError } from '../../sdk/bus-error.js';
import type { Holder, HoldersOptions } from '../../sdk/holders.js';
import { unseenOf } from '../../sdk/unseen.js';
import { addressContext } from './address-context.js';
import { CliError } from '../cli-error.js';
import { USUAL_EXITS, withHelp } from '../terminal/help.js';
import {
  printedOn,
  readFormat,
  usualFormat,
  widthOf,
  withFormat,
  withQuiet,
  withWide,
  type FormatFlags,
  type PrintFlags,
} from '../terminal/output-format.js';
import { once } from './read-flag.js';
import { askServer } from './server-holding.js';
import { repositoryAt } from './repository-at.js';
import { table, type Column } from '../terminal/table.js';
import { duration, readTime, styledTime, withTime, type TimeFlags, type TimeStyle } from '../terminal/time-text.js';
import { readTarget, withTarget, type Target, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Text } from '../terminal/terminal-text.js';

/** A server that gives no answer in this time is asked by a client, which can say why there is none. */
const ANSWER_MS = 8_000;
/** How long a client waits for the answer. An edge gives none while its origin is away. */
const CLIENT_ANSWER_MS = 15_000;

interface HoldersFlags extends FormatFlags, PrintFlags, TargetFlags, TimeFlags {
  readonly branch?: string;
}

export function holdersCommand(terminal: Terminal): Command {
  const command = new Command('holders')
    .description('list who holds an address now, the lease that ends first at the top')
    .argument(
      '<address>',
      'a symbol (src/billing.py::compute_total), or a file, directory or pattern and everything it covers',
    )
    .option('-b, --branch <branch>', 'only reservations on this branch', once('--branch'));
  withQuiet(withWide(withTime(withFormat(command), 'the time that is left')));
  withTarget(command).action((address: string, flags: HoldersFlags) => holders(address, flags, terminal));
  return withHelp(command, {
    examples: [
      ["muse-bus holders 'src/billing.py::compute_total'", 'who holds one symbol'],
      ["muse-bus holders 'src/*.py'", 'who holds any of these files'],
      ['muse-bus holders src/billing.py --branch main --json', 'only on one branch, one JSON object per line'],
    ],
    exits: { ...USUAL_EXITS, 0: 'success; nothing is printed if nobody holds the address' },
  });
}

async function holders(address: string, flags: HoldersFlags, own: Terminal): Promise<void> {
  const terminal = printedOn(flags, own);
  const time = readTime(flags);
  const format = readFormat(flags, usualFormat(terminal));
  const target = readTarget(flags);
  const context = addressContext(target);
  const addresses = readAddress(address, context);
  const served = target.server ? undefined : await askRepository(target, addresses, flags.branch);
  const { held, now } = served ?? (await askClient(target, address, { branch: flags.branch, ...context }, terminal));
  if (format === 'json') for (const holder of held) terminal.json(holder);
  else if (held.length === 0) terminal.err(`nobody holds ${address}${onBranch(flags.branch)}`);
  else for (const line of holderTable(held, now, time, widthOf(flags, own))) terminal.out(line);
}

interface Held {
  readonly held: readonly Holder[];
  /** The bus's clock, Unix milliseconds. */
  readonly now: number;
}

/**
 * Asks the repository's own server by HTTP: a client would load its code, and all leases, to find a few.
 * @returns `undefined` if that gives no whole answer; a client then asks, or says why there is none.
 */
async function askRepository(
  { root }: Target,
  addresses: readonly Address[],
  branch: string | undefined,
): Promise<Held | undefined> {
  try {
    const question = { root: repositoryAt(root), addresses, branch };
    const answer = await askServer(question, AbortSignal.timeout(ANSWER_MS));
    if (answer === undefined || (answer.holders.length === 0 && answer.unread !== undefined)) return undefined;
    return { held: answer.holders, now: answer.now };
  } catch {
    return undefined;
  }
}

async function askClient(target: Target, address: string, options: HoldersOptions, terminal: Terminal): Promise<Held> {
  const { findSource } = await import('./source.js');
  const source = await findSource(target, terminal);
  const { client } = source;
  try {
    const held = await client.holders(address, { ...options, timeoutMs: CLIENT_ANSWER_MS });
    return { held, now: client.serverNow() };
  } catch (error) {
    if (!(error instanceof BusError) || error.code !== 'timeout') throw error;
    const why = whyNoAnswer(client) ?? `no answer within ${String(CLIENT_ANSWER_MS / 1_000)} s`;
    const text = `it is unknown who holds ${address}${onBranch(options.branch)}: ${why}`;
    throw new CliError(text, 'timeout', 'see what muse-bus doctor finds at this server');
  } finally {
    await source.stop();
  }
}

function whyNoAnswer({ status }: BusClient): string | undefined {
  return status.state === 'live' && status.health ? unseenOf(status.health)?.why : undefined;
}

/** @throws CliError for an invalid address. An empty one may come from an unset variable in a script. */
export function readAddress(address: string, context: AddressContext): readonly Address[] {
  try {
    return readAddresses(address, context);
  } catch (error) {
    if (error instanceof BusError) throw new CliError(error.message, 'bad_args', error.hint);
    throw error;
  }
}

/** Says which leases were asked about. */
export const onBranch = (branch: string | undefined): string => (branch === undefined ? '' : ` on branch ${branch}`);

/** Shown for a record that names no run, or an empty one. */
export const UNKNOWN_RUN = '?';

/** @param now on the server's clock. */
export function holderTable(
  holders: readonly Holder[],
  now: number,
  time: TimeStyle = 'relative',
  width = Infinity,
): Text[] {
  const columns: readonly Column<Holder>[] = [
    { head: 'RUN', cell: ({ run_id }) => run_id ?? UNKNOWN_RUN },
    { head: 'BRANCH', cell: ({ branch }) => branch, leaveOut: 2 },
    time === 'relative'
      ? { head: 'ENDS IN', cell: (holder) => timeLeft(holder, now) }
      : { head: 'ENDS', cell: (holder) => endText(holder, time, now), min: 20 },
    { head: 'RESERVATION', cell: ({ reservation }) => reservation, leaveOut: 1 },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses },
  ];
  return table(columns, holders, width);
}

/**
 * Returns the time left: `4m 12s`; `4m 12s?` if the holder has gone silent; `unknown` if the end is not known. @param now Unix
 * milliseconds.
 */
export const timeLeft = (holder: Holder, now: number): string => endOr(holder, (until) => duration(until - now));

const endText = (holder: Holder, time: TimeStyle, now: number): string =>
  endOr(holder, (until) => styledTime(until, time, now));

function endOr({ effective_expires_at, state }: Holder, text: (until: number) => string): string {
  const until = parseTimestamp(effective_expires_at);
  if (state === 'unknown' || until === undefined) return 'unknown';
  return `${text(until)}${state === 'suspect' ? '?' : ''}`;
}
