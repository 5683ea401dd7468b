import { Option, type Command } from 'commander';
import {
  EVENT_TYPES,
  FILTER_FIELDS,
  FILTER_LIMITS,
  KINDS,
  kindFromName,
  closestMatch,
  parseFilter,
  ProtocolError,
  type FilterInput,
  type Kind,
} from '../../../protocol/index.js';
import { asTyped, CliError } from '../cli-error.js';
import { several, withChoices } from '../terminal/help.js';

/** The filter flags as they were given. Each may be given several times. */
export interface FilterFlags {
  readonly kind?: readonly string[];
  readonly runId?: readonly string[];
  readonly branch?: readonly string[];
  readonly address?: readonly string[];
  readonly eventType?: readonly string[];
  readonly id?: readonly string[];
}

const FILTER_OPTIONS: Readonly<
  Record<keyof FilterFlags, readonly [flag: string, description: string, choices?: readonly string[]]>
> = {
  kind: ['--kind <kind>', 'only this kind', KINDS],
  runId: ['--run-id <id>', 'only records with this run_id, and records that belong to such a reservation'],
  branch: ['-b, --branch <branch>', 'only records with this branch, and records that belong to such a reservation'],
  address: ['--address <address>', "only records with this address, or with one that this glob matches: 'src/**'"],
  eventType: ['--event-type <type>', 'only events of this type', EVENT_TYPES],
  id: ['--id <id>', 'only the record with this id'],
};

/** @param except filters that the command has in another form, or does not use. */
export function withFilter(command: Command, ...except: readonly (keyof FilterFlags)[]): Command {
  for (const [name, [flag, description, choices]] of Object.entries(FILTER_OPTIONS)) {
    if (except.includes(name as keyof FilterFlags)) continue;
    const option = new Option(flag, `${description} (repeatable)`).argParser(several);
    command.addOption(withChoices(option, choices));
  }
  return command;
}

/** @throws CliError for an invalid value, with the message of `muse coord watch` where that has one. */
export function readFilter(flags: FilterFlags): FilterInput & { readonly kinds?: readonly Kind[] } {
  const longest = FILTER_LIMITS.maxValueLength;
  for (const runId of flags.runId ?? []) {
    if (runId.length <= longest) continue;
    throw new CliError(`--run-id is too long (${String(runId.length)} chars; max ${String(longest)})`);
  }
  const filter = {
    ...(flags.kind === undefined ? {} : { kinds: flags.kind.map((kind) => readKind(kind)) }),
    ...(flags.runId === undefined ? {} : { run_ids: flags.runId }),
    ...(flags.branch === undefined ? {} : { branches: flags.branch }),
    ...(flags.address === undefined ? {} : { addresses: flags.address }),
    ...(flags.eventType === undefined ? {} : { event_types: flags.eventType }),
    ...(flags.id === undefined ? {} : { ids: flags.id }),
  };
  try {
    parseFilter(filter);
  } catch (error) {
    if (error instanceof ProtocolError) throw new CliError(error.message.replace(/^filter\.(\w+)/, flagOf));
    throw error;
  }
  return filter;
}

/** @param argument what the user calls it. @throws CliError that lists the kinds. */
export function readKind(name: string, argument = '--kind'): Kind {
  const kind = kindFromName(name);
  if (kind !== undefined) return kind;
  const best = closestMatch(name, KINDS);
  throw new CliError(
    `${argument} must be one of ${KINDS.join(', ')}, got ${asTyped(name)}`,
    'bad_args',
    best === undefined ? '' : `did you mean ${best}?`,
  );
}

/** For people: `kind=reservation, branch=main`. */
export function describeFilter(filter: FilterInput): string[] {
  return Object.entries(filter as Readonly<Record<string, readonly string[]>>).flatMap(([field, values]) =>
    values.map((value) => `${flagOf('', field).slice(2)}=${value}`),
  );
}

const FLAGS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(FILTER_FIELDS).map(([name, field]) => [field, `--${name.replace('_', '-')}`]),
);

const flagOf = (_match: string, field: string): string => FLAGS[field] ?? field;
