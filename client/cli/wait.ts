import { Command } from 'commander';
import type { BusClient } from '../bus-client.js';
import type { Holder, HoldersOptions } from '../holders.js';
import { addressContext } from './address-context.js';
import type { Mirror } from '../mirror.js';
import { Failure } from './failure.js';
import { withHelp } from './help.js';
import { holderTable, readAddress } from './holders.js';
import { readFormat, withFormat, type FormatFlags } from './output-format.js';
import { readDuration } from './read-flag.js';
import { Deadline } from './signals.js';
import { findSource } from './source.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from './terminal.js';

interface WaitFlags extends FormatFlags, TargetFlags {
  readonly free?: string;
  readonly timeout?: string;
  readonly branch?: string;
}

const TIMED_OUT = 2;

type Outcome = { readonly is: 'free' } | { readonly is: 'timed-out'; readonly holders: readonly Holder[] };

export function waitCommand(terminal: Terminal): Command {
  const command = new Command('wait')
    .description('wait until nobody holds an address')
    .option('--free <address>', 'a symbol, or a file, a directory or a pattern with all they cover')
    .option('--timeout <seconds>', 'give up after so many seconds; 0 only looks (default: wait for ever)')
    .option('-b, --branch <branch>', 'only reservations on this branch count');
  withTarget(withFormat(command)).action((flags: WaitFlags) => wait(flags, terminal));
  return withHelp(command, {
    examples: [
      ["muse-bus wait --free 'src/billing.py::compute_total'", 'until it is free'],
      ['muse-bus wait --free src/billing.py --timeout 30 && edit', 'edit once it is free, give up after 30 s'],
      ['muse-bus wait --free src/billing.py --timeout 0', 'only ask: 0 free, 2 held'],
    ],
    exits: {
      0: 'the address is free',
      1: 'bad arguments, or the bus cannot be reached or refused',
      2: 'timed out: the address is still held',
    },
  });
}

async function wait(flags: WaitFlags, terminal: Terminal): Promise<void> {
  if (flags.free === undefined) throw new Failure('wait needs --free ADDRESS');
  const address = flags.free;
  const target = readTarget(flags);
  const options = { branch: flags.branch, ...addressContext(target) };
  readAddress(address, options);
  const format = readFormat(flags, 'text');
  const timeoutMs = readDuration('--timeout', flags.timeout);
  const source = await findSource(target, terminal);
  try {
    const mirror = await source.client.mirror({ kinds: ['reservation'] });
    const outcome = await freed(source.client, mirror, { address, options, timeoutMs });
    report(outcome, address, format, { terminal, now: source.client.serverNow() });
  } finally {
    await source.stop();
  }
}

interface Wanted {
  readonly address: string;
  readonly options: HoldersOptions;
  readonly timeoutMs: number | undefined;
}

/** @throws BusError where the connection ends for good: nobody would tell any more. */
async function freed(client: BusClient, mirror: Mirror, { address, options, timeoutMs }: Wanted): Promise<Outcome> {
  const holders = (): Holder[] => mirror.holders(address, options);
  if (holders().length === 0) return { is: 'free' };
  if (timeoutMs === 0) return { is: 'timed-out', holders: holders() };
  const giveUp = new AbortController();
  const deadline = new Deadline(timeoutMs, () => giveUp.abort());
  deadline.restart();
  const release = client.watchStatus(({ state }) => {
    if (state === 'closed') giveUp.abort();
  });
  try {
    await mirror.whenFree(address, { ...options, signal: giveUp.signal });
    return { is: 'free' };
  } catch (error) {
    if (!giveUp.signal.aborted) throw error;
    const { status } = client;
    if (status.state === 'closed') throw status.error ?? error;
    const held = holders();
    return held.length === 0 ? { is: 'free' } : { is: 'timed-out', holders: held };
  } finally {
    deadline.stop();
    release();
  }
}

function report(
  outcome: Outcome,
  address: string,
  format: 'text' | 'json',
  { terminal, now }: { readonly terminal: Terminal; readonly now: number },
): void {
  switch (outcome.is) {
    case 'free':
      if (format === 'json') terminal.json({ status: 'free', address });
      return;
    case 'timed-out':
      process.exitCode = TIMED_OUT;
      if (format === 'json') {
        terminal.json({ status: 'timed_out', address, holders: outcome.holders });
        return;
      }
      terminal.err(`${address} is still held:`);
      for (const line of holderTable(outcome.holders, now)) terminal.err(line);
      return;
  }
}
