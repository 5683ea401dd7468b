import { Command } from 'commander';
import type { Subscription } from '../../sdk/subscription.js';
import { eventForPrograms, eventLine } from '../terminal/event-text.js';
import { CliError } from '../cli-error.js';
import { describeFilter, withFilter } from './filter-flags.js';
import { withHelp } from '../terminal/help.js';
import { printedOn, withFormat, withQuiet } from '../terminal/output-format.js';
import { subjectOf, withQuery } from './query-flag.js';
import { styledTime, timeText, withTime } from '../terminal/time-text.js';
import { line, type Text } from '../terminal/terminal-text.js';
import type { BusEvent } from '../../../protocol/index.js';
import { Deadline } from '../terminal/deadline.js';
import { onSignal } from '../terminal/signals.js';
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
    .option('--no-snapshot', 'skip the current state and begin with the next change')
    .option('--timestamps', 'print the time of each event before it, in the style of --time (default: utc)');
  withQuiet(withTime(withFormat(withTarget(withQuery(withFilter(command))), 'text'), 'as the records say them'));
  command.action((flags: WatchFlags) => watch(readWatchFlags(flags), printedOn(flags, terminal)));
  return withHelp(command, {
    examples: [
      ['muse-bus watch --kind reservation --kind release', 'reservations and releases as they happen'],
      ["muse-bus watch --json --address 'src/**' --no-snapshot", 'changes under src/, one JSON object per line'],
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
async function watch(options: WatchOptions, terminal: Terminal): Promise<void> {
  const { format, maxEvents, since, snapshot, query, quiet } = options;
  const source = await sourceOf(options, terminal);
  const report = (note: StatusNote): void => writeNote(note, format, terminal);
  const subscription = source.client.subscribe(options.filter, {
    snapshot,
    // With a query, the cap counts what is left after it.
    ...(maxEvents === undefined || query !== undefined ? {} : { maxEvents }),
    ...(since === undefined ? {} : { since }),
  });
  const end = (): void => void subscription.close();
  const timeout = new Deadline(options.timeoutMs, end);
  const idle = new Deadline(options.idleTimeoutMs, end);
  const releases = [onSignal(end), reportConnection(source.client, report)];
  timeout.restart();
  idle.restart();
  try {
    if (format === 'text' && !quiet) printHeader(options, source.label, terminal);
    await printUpdates(subscription, options, { terminal, report, idle, now: () => source.client.serverNow() });
    if (format === 'text' && !quiet) for (const text of ['', '  (watch ended)']) terminal.out(text);
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
    return await findSource(target, terminal, { pollIntervalMs });
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 'no_repository') throw error;
    throw new CliError(error.message, error.status, error.hint, NOT_A_REPOSITORY_EXIT);
  }
}

interface Printer {
  readonly terminal: Terminal;
  readonly report: (note: StatusNote) => void;
  readonly idle: Deadline;
  /** The time on the server's clock. */
  readonly now: () => number;
}

async function printUpdates(
  subscription: Subscription,
  options: WatchOptions,
  { terminal, report, idle, now }: Printer,
): Promise<void> {
  const { format, once, query, maxEvents } = options;
  let isResync = false;
  let left = query === undefined ? Infinity : (maxEvents ?? Infinity);
  for await (const update of subscription.updates()) {
    switch (update.type) {
      case 'event':
        if (query?.matchesEvent(subjectOf(update.event)) === false) break;
        if (format === 'json') terminal.json(eventForPrograms(update.event));
        else terminal.out(textOf(update.event, options, now()));
        idle.restart();
        if (--left === 0) return;
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

function textOf(event: BusEvent, { timestamps, time }: WatchOptions, now: number): Text {
  const text = eventLine(event, (value) => timeText(value, time, now));
  return timestamps === undefined ? text : line`${styledTime(Date.parse(event.timestamp), timestamps, now)}  ${text}`;
}

const RULE = '─'.repeat(62);

function printHeader({ filter, maxEvents, query }: WatchOptions, label: string, terminal: Terminal): void {
  terminal.out('');
  terminal.out(`muse-bus watch: watching .muse/coordination/ (${label})`);
  const cap = maxEvents === undefined ? [] : [`max-events=${String(maxEvents)}`];
  const parts = [...describeFilter(filter), ...(query === undefined ? [] : [`query=${query.text}`]), ...cap];
  if (parts.length > 0) terminal.out(`  filter: ${parts.join(', ')}`);
  terminal.out(RULE);
}
