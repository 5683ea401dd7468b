import { Command } from 'commander';
import type { Subscription } from '../../sdk/subscription.js';
import { eventForPrograms, eventLine } from '../terminal/event-text.js';
import { CliError } from '../cli-error.js';
import { describeFilter, withFilter } from './filter-flags.js';
import { withHelp } from '../terminal/help.js';
import { withFormat } from '../terminal/output-format.js';
import { Deadline, onSignal } from '../terminal/signals.js';
import { findSource, type Source } from './source.js';
import { reportConnection, writeNote, type StatusNote } from '../terminal/status-notes.js';
import { withTarget } from './target.js';
import type { Terminal } from '../terminal/terminal.js';
import { readWatchFlags, type WatchFlags, type WatchOptions } from './watch-options.js';

const NOT_A_REPOSITORY_EXIT = 2;

export function watchCommand(terminal: Terminal): Command {
  const command = new Command('watch')
    .description('print coordination events as they happen')
    .option('--once', 'print the current state, then exit')
    .option('--timeout <seconds>', 'stop after this many seconds (>= 0; 0 means --once)')
    .option('--idle-timeout <seconds>', 'stop after this many seconds without an event')
    .option('--max-events <n>', 'stop after n events (>= 1), including snapshot events')
    .option('--poll-interval <seconds>', 'how often to poll if the kernel does not report changes (0.01 to 3600)', '1')
    .option('--since <cursor>', 'only events after this cursor, which is a field of each event')
    .option('--no-snapshot', 'skip the current state and begin with the next change');
  withFormat(withTarget(withFilter(command)), 'text').action((flags: WatchFlags) =>
    watch(readWatchFlags(flags), terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus watch --kind reservation --kind release', 'reservations and releases as they happen'],
      ["muse-bus watch --json --address 'src/**' --no-snapshot", 'changes under src/, one JSON object a line'],
      ['muse-bus watch --once --json', 'the current state, then exit'],
    ],
    exits: {
      0: 'normal end: --once, --timeout, --idle-timeout, --max-events, SIGINT, SIGTERM, or the reader has closed the pipe',
      1: 'bad arguments, or the bus cannot be reached or refused access',
      2: 'not in a repository; muse coord watch has the same code',
    },
  });
}

/** Runs until the cap, a timeout, a signal or, with `once`, the end of the snapshot. */
export async function watch(options: WatchOptions, terminal: Terminal): Promise<void> {
  const { format, maxEvents, since, snapshot } = options;
  const source = await sourceOf(options, terminal);
  const report = (note: StatusNote): void => writeNote(note, format, terminal);
  const subscription = source.client.subscribe(options.filter, {
    snapshot,
    ...(maxEvents === undefined ? {} : { maxEvents }),
    ...(since === undefined ? {} : { since }),
  });
  const end = (): void => void subscription.close();
  const timeout = new Deadline(options.timeoutMs, end);
  const idle = new Deadline(options.idleTimeoutMs, end);
  const releases = [onSignal(end), reportConnection(source.client, report)];
  timeout.restart();
  idle.restart();
  try {
    if (format === 'text') printHeader(options, source.label, terminal);
    await printUpdates(subscription, options, { terminal, report, idle });
    if (format === 'text') for (const text of ['', '  (watch ended)']) terminal.out(text);
  } finally {
    for (const release of releases) release();
    timeout.stop();
    idle.stop();
    await source.stop();
  }
}

/** @throws CliError if there is no repository, with the exit code of `muse coord watch`. */
async function sourceOf({ target, pollIntervalMs }: WatchOptions, terminal: Terminal): Promise<Source> {
  try {
    return await findSource(target, terminal, pollIntervalMs);
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 'no_repository') throw error;
    throw new CliError(error.message, error.status, error.hint, NOT_A_REPOSITORY_EXIT);
  }
}

interface Printer {
  readonly terminal: Terminal;
  readonly report: (note: StatusNote) => void;
  readonly idle: Deadline;
}

async function printUpdates(
  subscription: Subscription,
  { format, once }: WatchOptions,
  { terminal, report, idle }: Printer,
): Promise<void> {
  let isResync = false;
  for await (const update of subscription.updates()) {
    switch (update.type) {
      case 'event':
        if (format === 'json') terminal.json(eventForPrograms(update.event));
        else terminal.out(eventLine(update.event));
        idle.restart();
        break;
      case 'synced':
        if (isResync) report({ status: 'synced', cursor: update.cursor });
        isResync = false;
        if (once) return;
        break;
      case 'resync':
        report({ status: 'resync', reason: update.reason });
        isResync = true;
        break;
    }
    await terminal.drained();
  }
}

const RULE = '─'.repeat(62);

function printHeader({ filter, maxEvents }: WatchOptions, label: string, terminal: Terminal): void {
  terminal.out('');
  terminal.out(`muse-bus watch: watching .muse/coordination/ (${label})`);
  const cap = maxEvents === undefined ? [] : [`max-events=${String(maxEvents)}`];
  const parts = [...describeFilter(filter), ...cap];
  if (parts.length > 0) terminal.out(`  filter: ${parts.join(', ')}`);
  terminal.out(RULE);
}
