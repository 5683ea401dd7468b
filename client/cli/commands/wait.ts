import { Command } from 'commander';
import type { BusClient } from '../../sdk/bus-client.js';
import { BusError } from '../../sdk/bus-error.js';
import type { Holder, HoldersOptions } from '../../sdk/holders.js';
import { addressContext } from './address-context.js';
import { CliError } from '../cli-error.js';
import { several, withHelp } from '../terminal/help.js';
import { holderTable, onBranch, readAddress } from './holders.js';
import {
  printedOn,
  readFormat,
  widthOf,
  withFormat,
  withQuiet,
  withWide,
  type FormatFlags,
  type PrintFlags,
} from '../terminal/output-format.js';
import { once, readDuration } from './read-flag.js';
import { Deadline } from '../terminal/deadline.js';
import { findSource } from './source.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import { readTime, withTime, type TimeFlags } from '../terminal/time-text.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Text } from '../terminal/terminal-text.js';

interface WaitFlags extends FormatFlags, PrintFlags, TargetFlags, TimeFlags {
  readonly free?: readonly string[];
  readonly timeout?: string;
  readonly branch?: string;
}

const TIMED_OUT_EXIT = 2;

/** How long an answer may take. */
const ANSWER_TIMEOUT_MS = 10_000;
/** After this long without the server the command looks for another one, or reads the files. */
const RECONNECT_TIMEOUT_MS = 2_000;

type Outcome =
  | { readonly is: 'free' }
  | { readonly is: 'timed-out'; readonly holders: readonly Holder[] }
  /** The time is up, and it cannot be known whether the address is free. */
  | { readonly is: 'unknown' }
  | { readonly is: 'away'; readonly cause: string };

export function waitCommand(terminal: Terminal): Command {
  const command = new Command('wait')
    .description('wait until nobody holds an address')
    .option(
      '--free <address>',
      'a symbol, or a file, directory or pattern and everything it covers (repeatable: until all are free)',
      several,
    )
    .option('--timeout <seconds>', 'give up after this many seconds; 0 only checks (default: wait forever)')
    .option('-b, --branch <branch>', 'only reservations on this branch count', once('--branch'));
  withQuiet(withWide(withTime(withFormat(command, 'text'), 'the time that is left')));
  withTarget(command).action((flags: WaitFlags) => wait(flags, printedOn(flags, terminal)));
  return withHelp(command, {
    examples: [
      ["muse-bus wait --free 'src/billing.py::compute_total'", 'until it is free'],
      ['muse-bus wait --free src/billing.py --timeout 30 && edit', 'edit once it is free; give up after 30 s'],
      ['muse-bus wait --free src/billing.py --timeout 0', 'only check; exit code 0: free, 2: held'],
    ],
    exits: {
      0: 'the address is free',
      1: 'bad arguments, or the bus cannot be reached or refused access',
      2: 'timed out: the address is still held, or it cannot be known',
    },
  });
}

async function wait(flags: WaitFlags, terminal: Terminal): Promise<void> {
  if (flags.free === undefined) throw new CliError('wait needs --free ADDRESS', 'bad_args', 'see muse-bus wait --help');
  const target = readTarget(flags);
  const options = { branch: flags.branch, ...addressContext(target) };
  for (const address of flags.free) readAddress(address, options);
  // One text with an address a line asks about all of them at one moment.
  const address = flags.free.join('\n');
  const shown = flags.free.join(', ');
  const format = readFormat(flags, 'text');
  const time = readTime(flags) ?? 'relative';
  const timeoutMs = readDuration('--timeout', flags.timeout);
  const wanted = { address, options, isServerNamed: target.server !== undefined };
  const giveUp = new AbortController();
  const deadline = new Deadline(timeoutMs, () => giveUp.abort());
  deadline.restart();
  try {
    for (;;) {
      const source = await findSource(target, terminal);
      try {
        const { client } = source;
        const outcome = await (timeoutMs === 0 ? check(client, wanted) : untilFree(client, wanted, giveUp.signal));
        if (outcome.is !== 'away') {
          const now = client.serverNow();
          const holders = (of: readonly Holder[]) => holderTable(of, now, time, widthOf(flags, terminal));
          report(outcome, `${shown}${onBranch(flags.branch)}`, shown, format, { terminal, holders });
          return;
        }
        terminal.err(`the bus cannot be reached (${outcome.cause}): trying another server, or the files`);
      } finally {
        await source.stop();
      }
    }
  } finally {
    deadline.stop();
  }
}

interface Wanted {
  readonly address: string;
  readonly options: HoldersOptions;
  /** Whether the user named a server. Then no other server is tried. */
  readonly isServerNamed: boolean;
}

/** Checks the records on disk now, as far as the bus can see them. */
async function check(client: BusClient, { address, options }: Wanted): Promise<Outcome> {
  if (client.status.state !== 'live') return { is: 'unknown' };
  try {
    const { free, holders } = await client.holding(address, { ...options, timeoutMs: ANSWER_TIMEOUT_MS });
    if (free === 'yes') return { is: 'free' };
    return free === 'no' ? { is: 'timed-out', holders } : { is: 'unknown' };
  } catch (error) {
    if (error instanceof BusError && error.code === 'timeout') return { is: 'unknown' };
    throw error;
  }
}

/** Waits until the address is free. @throws BusError if the connection ends for good. */
async function untilFree(client: BusClient, wanted: Wanted, giveUp: AbortSignal): Promise<Outcome> {
  const { address, options, isServerNamed } = wanted;
  const away = new AbortController();
  const end = AbortSignal.any([giveUp, away.signal]);
  let timer: NodeJS.Timeout | undefined;
  const release = client.watchStatus((status) => {
    if (status.state === 'live') {
      clearTimeout(timer);
      timer = undefined;
    } else if (status.state === 'closed') away.abort();
    else if (!isServerNamed) {
      const cause = status.cause ?? 'not connected';
      timer ??= setTimeout(() => {
        away.abort(cause);
      }, RECONNECT_TIMEOUT_MS);
    }
  });
  try {
    const mirror = await client.mirror({ kinds: ['reservation'] }, { signal: end });
    await mirror.whenFree(address, { ...options, signal: end });
    return { is: 'free' };
  } catch (error) {
    if (!end.aborted) throw error;
    const { status } = client;
    if (status.state === 'closed') throw status.error ?? error;
    if (!giveUp.aborted) return { is: 'away', cause: String(away.signal.reason) };
    return await check(client, wanted);
  } finally {
    clearTimeout(timer);
    release();
  }
}

function report(
  outcome: Exclude<Outcome, { readonly is: 'away' }>,
  what: string,
  address: string,
  format: 'text' | 'json',
  { terminal, holders }: { readonly terminal: Terminal; readonly holders: (of: readonly Holder[]) => readonly Text[] },
): void {
  switch (outcome.is) {
    case 'free':
      if (format === 'json') terminal.json({ status: 'free', address });
      return;
    case 'timed-out':
      process.exitCode = TIMED_OUT_EXIT;
      if (format === 'json') {
        terminal.json({ status: 'timed_out', address, holders: outcome.holders });
        return;
      }
      terminal.err(`${what} is still held:`);
      for (const line of holders(outcome.holders)) terminal.err(line);
      return;
    case 'unknown':
      process.exitCode = TIMED_OUT_EXIT;
      if (format === 'json') terminal.json({ status: 'unknown', address });
      else
        terminal.err(
          `it is unknown whether ${what} is free: the bus cannot be reached, or cannot read the records that decide`,
        );
      return;
  }
}
