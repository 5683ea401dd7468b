import { Argument, Command } from 'commander';
import { KINDS, type BusEvent, type Kind } from '../../../protocol/index.js';
import { eventForPrograms, problemText } from '../terminal/event-text.js';
import { readFilter, readKind, withFilter, type FilterFlags } from './filter-flags.js';
import { USUAL_EXITS, withChoices, withHelp } from '../terminal/help.js';
import { readFormat, usualFormat, withFormat, type FormatFlags } from '../terminal/output-format.js';
import { findSource } from './source.js';
import { table, type Column } from '../terminal/table.js';
import { readTarget, withTarget, type TargetFlags } from './target.js';
import type { Terminal } from '../terminal/terminal.js';

type GetFlags = FilterFlags & FormatFlags & TargetFlags;

export function getCommand(terminal: Terminal): Command {
  const command = new Command('get')
    .description('list the current records of a kind')
    .addArgument(withChoices(new Argument('<kind>', 'the kind, in the singular or the plural'), KINDS));
  withTarget(withFormat(withFilter(command, 'kind', 'eventType'))).action((kind: string, flags: GetFlags) =>
    get(readKind(kind), flags, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus get reservations', 'all reservations, as a table'],
      ['muse-bus get task --run-id agent-07 --json', "an agent's tasks, one JSON object a line"],
      ["muse-bus get intent --address 'src/**'", 'intents on addresses under src/'],
    ],
    exits: USUAL_EXITS,
  });
}

async function get(kind: Kind, flags: GetFlags, terminal: Terminal): Promise<void> {
  const format = readFormat(flags, usualFormat(terminal));
  const filter = { ...readFilter(flags), kinds: [kind] };
  const source = await findSource(readTarget(flags), terminal);
  try {
    const records: BusEvent[] = [];
    for await (const update of source.client.subscribe(filter).updates()) {
      if (update.type === 'synced') break;
      if (update.type === 'resync') records.length = 0;
      else if (format === 'text') records.push(update.event);
      else terminal.json(eventForPrograms(update.event));
      await terminal.drained();
    }
    if (format === 'text') printTable(kind, records, terminal);
  } finally {
    await source.stop();
  }
}

function printTable(kind: Kind, records: readonly BusEvent[], terminal: Terminal): void {
  if (records.length === 0) {
    terminal.err(`no ${kind} matches`);
    return;
  }
  const columns = [
    ID,
    RUN,
    ...COLUMNS[kind],
    ...(records.some((record) => problemText(record) !== '') ? [PROBLEM] : []),
  ];
  for (const line of table(columns, records)) terminal.out(line);
}

const field = (name: string): Column<BusEvent> => ({
  head: name.toUpperCase().replaceAll('_', ' '),
  cell: ({ data }) => data[name],
});

const ID: Column<BusEvent> = { head: 'ID', cell: ({ id }) => id };
const RUN: Column<BusEvent> = { head: 'RUN', cell: ({ data }) => data.run_id };
const PROBLEM: Column<BusEvent> = { head: 'PROBLEM', cell: problemText };
const BRANCH = field('branch');
const STATE: Column<BusEvent> = { head: 'STATE', cell: ({ lease }) => lease?.state };
/** Includes extensions by heartbeats. */
const END: Column<BusEvent> = { head: 'ENDS', cell: ({ lease }) => lease?.effective_expires_at ?? undefined };

/** The columns of each kind, after id and run. */
const COLUMNS: Readonly<Record<Kind, readonly Column<BusEvent>[]>> = {
  reservation: [BRANCH, STATE, field('expires_at'), END, field('addresses')],
  intent: [BRANCH, field('operation'), field('addresses')],
  release: [field('reservation_id'), field('reason'), field('released_at')],
  heartbeat: [field('reservation_id'), field('extended_expires_at')],
  task: [BRANCH, field('status'), field('title')],
  claim: [field('task_id'), field('claimed_at')],
  dependency: [field('task_id'), field('depends_on')],
};
