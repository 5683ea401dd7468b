import { Argument, Command } from 'commander';
import { KINDS, type BusEvent, type Kind } from '../../../protocol/index.js';
import { eventForPrograms, problemText } from '../terminal/event-text.js';
import { readFilter, readKind, withFilter, type FilterFlags } from './filter-flags.js';
import { USUAL_EXITS, withChoices, withHelp } from '../terminal/help.js';
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
import { readQueryFlag, subjectOf, withQuery, type QueryFlags } from './query-flag.js';
import { findSource } from './source.js';
import { table, type Column, type ColumnFit } from '../terminal/table.js';
import { readTime, timeText, withTime, type TimeFlags } from '../terminal/time-text.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';

type GetFlags = FilterFlags & FormatFlags & PrintFlags & QueryFlags & TargetFlags & TimeFlags;

export function getCommand(terminal: Terminal): Command {
  const command = new Command('get')
    .description('list the current records of a kind')
    .addArgument(withChoices(new Argument('<kind>', 'the kind, in the singular or the plural'), KINDS))
    .addArgument(new Argument('[id...]', 'only the records with these ids, as --id'));
  withQuery(withFilter(command, 'kind', 'eventType'));
  withQuiet(withWide(withTime(withFormat(command), 'as the records say them')));
  withTarget(command).action((kind: string, ids: readonly string[], flags: GetFlags) => {
    const named = [...(flags.id ?? []), ...ids];
    return get(readKind(kind, 'the kind'), named.length === 0 ? flags : { ...flags, id: named }, terminal);
  });
  return withHelp(command, {
    examples: [
      ['muse-bus get reservations', 'all reservations, as a table'],
      ['muse-bus get task t1 t2 --json', 'two tasks by their ids, one JSON object per line'],
      ["muse-bus get intent --query 'addr:src/ OR run:agent-4*'", 'intents under src/, and those of some agents'],
    ],
    exits: USUAL_EXITS,
  });
}

async function get(kind: Kind, flags: GetFlags, own: Terminal): Promise<void> {
  const terminal = printedOn(flags, own);
  const time = readTime(flags);
  const query = readQueryFlag(flags.query, 'get');
  const format = readFormat(flags, usualFormat(terminal));
  const filter = { ...readFilter(flags), kinds: [kind] };
  const source = await findSource(readTarget(flags), terminal);
  try {
    const records: BusEvent[] = [];
    for await (const update of source.client.subscribe(filter).updates()) {
      if (update.type === 'synced') break;
      if (update.type === 'resync') records.length = 0;
      else if (query?.matchesEvent(subjectOf(update.event)) === false) continue;
      else if (format === 'text') records.push(update.event);
      else terminal.json(eventForPrograms(update.event));
      await terminal.drained();
    }
    const times: Times = (value) => timeText(value, time, source.client.serverNow());
    if (format === 'text') printTable(kind, records, times, widthOf(flags, own), terminal);
  } finally {
    await source.stop();
  }
}

/** Prints a time of a record in the style that the user wants. */
type Times = (value: unknown) => unknown;

function printTable(kind: Kind, records: readonly BusEvent[], times: Times, width: number, terminal: Terminal): void {
  if (records.length === 0) {
    terminal.err(`no ${kind} matches`);
    return;
  }
  const columns = [
    ID,
    RUN,
    ...columnsOf(kind, times),
    ...(records.some((record) => problemText(record) !== '') ? [PROBLEM] : []),
  ];
  for (const line of table(columns, records, width)) terminal.out(line);
}

const field = (name: string, fit: ColumnFit = {}): Column<BusEvent> => ({
  head: name.toUpperCase().replaceAll('_', ' '),
  cell: ({ data }) => data[name],
  ...fit,
});

const ID: Column<BusEvent> = { head: 'ID', cell: ({ id }) => id };
const RUN: Column<BusEvent> = { head: 'RUN', cell: ({ data }) => data.run_id };
const PROBLEM: Column<BusEvent> = { head: 'PROBLEM', cell: problemText, min: 20 };
const BRANCH = field('branch', { leaveOut: 2 });
const STATE: Column<BusEvent> = { head: 'STATE', cell: ({ lease }) => lease?.state };

/** The columns of each kind, after id and run. */
function columnsOf(kind: Kind, times: Times): readonly Column<BusEvent>[] {
  const time = (name: string, leaveOut = 3): Column<BusEvent> => ({
    ...field(name, { min: 20, leaveOut }),
    cell: ({ data }) => times(data[name]),
  });
  switch (kind) {
    case 'reservation': {
      /** Includes extensions by heartbeats. */
      const end: Column<BusEvent> = {
        head: 'ENDS',
        cell: ({ lease }) => times(lease?.effective_expires_at ?? undefined),
        min: 20,
        leaveOut: 1,
      };
      return [BRANCH, STATE, time('expires_at'), end, field('addresses')];
    }
    case 'intent':
      return [BRANCH, field('operation', { leaveOut: 1 }), field('addresses')];
    case 'release':
      return [field('reservation_id'), field('reason', { leaveOut: 1 }), time('released_at')];
    case 'heartbeat':
      return [field('reservation_id'), time('extended_expires_at', 1)];
    case 'task':
      return [BRANCH, field('status'), field('title')];
    case 'claim':
      return [field('task_id'), time('claimed_at')];
    case 'dependency':
      return [field('task_id'), field('depends_on')];
  }
}
