import { Command } from 'commander';
import { withHelp } from '../terminal/help.js';
import {
  readFormat,
  usualFormat,
  widthOf,
  withFormat,
  withWide,
  type FormatFlags,
  type PrintFlags,
} from '../terminal/output-format.js';
import { resolveSettings, withSettings, writtenFlags, type SettingView } from '../settings/resolve-settings.js';
import { CliError } from '../cli-error.js';
import { repositoryOf } from './serve.js';
import type { Limits } from '../../../server/index.js';
import { readEdgeRepositories, type NamedRepository } from '../settings/edge-repositories.js';
import { LIMIT_NAMES, ORIGIN_ONLY, SETTINGS } from '../settings/settings.js';
import type { Refusal } from '../settings/repository-config.js';
import { table, type Column } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

type ConfigFlags = FormatFlags & PrintFlags & { readonly root?: string; readonly edge?: boolean };

export function configCommand(terminal: Terminal): Command {
  const command = new Command('config')
    .description('show every setting of the server, its value and the source of the value')
    .option('--root <path>', 'the repository (default: MUSE_BUS_ROOT, or the one around this directory)')
    .option('--edge', 'the settings of an edge, which needs no repository');
  withSettings(withWide(withFormat(command))).action((flags: ConfigFlags, self: Command) =>
    config(flags, self, terminal),
  );
  return withHelp(command, {
    examples: [
      ['muse-bus config', 'all settings; a flag overrides the environment, then files, then defaults'],
      ['muse-bus config --edge', 'what an edge started here would use'],
      ['muse-bus config --json | grep -v \'"default"\'', 'only settings that are set'],
    ],
    exits: { 0: 'all settings are valid', 1: 'a setting is invalid, or bad arguments' },
  });
}

function config(flags: ConfigFlags, self: Command, terminal: Terminal): void {
  const isEdge = flags.edge === true;
  if (isEdge && flags.root !== undefined) throw new CliError('--edge needs no --root', 'bad_args');
  const resolved = resolveSettings(writtenFlags(self), process.env, isEdge ? undefined : repositoryOf(flags.root));
  const { refusals, unknownVariables } = resolved;
  const views = isEdge ? resolved.views.filter(({ name }) => !NOT_AT_EDGES.has(name)) : resolved.views;
  const { repositories: file } = resolved.settings;
  const repositories = isEdge && file !== undefined ? readEdgeRepositories(file, resolved.settings) : [];
  if (readFormat(flags, usualFormat(terminal)) === 'json') {
    for (const { name, value, origin, where } of views) {
      terminal.json({ name, value: value ?? null, origin, ...(where === '' ? {} : { where }) });
    }
    for (const one of repositories) terminal.json(toldRepository(one));
    for (const refusal of refusals) terminal.json({ ...refusal, refused: true });
  } else {
    for (const line of table(COLUMNS, views, widthOf(flags, terminal))) terminal.out(line);
    if (repositories.length > 0) {
      terminal.out('');
      for (const line of table(REPOSITORY_COLUMNS, repositories, widthOf(flags, terminal))) terminal.out(line);
    }
    if (refusals.length > 0) {
      terminal.out('');
      terminal.out('REFUSED');
    }
    for (const refusal of refusals) for (const line of refusalLines(refusal)) terminal.out(line);
  }
  for (const variable of unknownVariables) terminal.err(variable);
}

/** What only an origin has, as `muse-bus edge` takes it. */
const NOT_AT_EDGES: ReadonlySet<string> = new Set([...ORIGIN_ONLY].map((name) => SETTINGS[name].name));

const COLUMNS: readonly Column<SettingView>[] = [
  { head: 'SETTING', cell: ({ name }) => name },
  { head: 'VALUE', cell: ({ value }) => (Array.isArray(value) && value.length === 0 ? 'none' : (value ?? 'none')) },
  { head: 'ORIGIN', cell: ({ origin }) => origin },
  { head: 'WHERE', cell: ({ where }) => where },
];

/** A repository of an edge: what differs from one to the other. No secret is among it. */
const toldRepository = ({ path, repository, endpoint, tokenFile, options }: NamedRepository): object => ({
  repository,
  path,
  relay: options.relay.url,
  ...(endpoint === undefined ? {} : { endpoint }),
  ...(tokenFile === undefined ? {} : { token_file: tokenFile }),
  ...(options.relay.credsFile === undefined ? {} : { relay_creds: options.relay.credsFile }),
  ...(options.relay.user === undefined ? {} : { relay_user: options.relay.user }),
  relay_public_key: options.relay.publicKeys ?? [],
  max_staleness: options.maxStalenessMs! / 1_000,
  limits: limitsInFile(options.limits ?? {}),
});

const limitsInFile = (limits: Partial<Limits>): Record<string, number> =>
  Object.fromEntries(
    [...LIMIT_NAMES].flatMap(([shown, name]) => (limits[name] === undefined ? [] : [[shown, limits[name]]])),
  );

const REPOSITORY_COLUMNS: readonly Column<NamedRepository>[] = [
  { head: 'REPOSITORY', cell: ({ repository }) => repository },
  { head: 'PATH', cell: ({ path }) => path },
  { head: 'TOKEN', cell: ({ tokenFile, endpoint }) => tokenFile ?? `beside ${endpoint!}` },
  { head: 'RELAY', cell: ({ options }) => options.relay.url },
  {
    head: 'LIMITS',
    cell: ({ options }) =>
      Object.entries(limitsInFile(options.limits ?? {}))
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(' ') || "the edge's",
  },
];

const refusalLines = ({ name, value, where, why, allow }: Refusal): string[] => [
  `${name === '*' ? '' : `${name} = `}${value}, in ${where}`,
  `  ${why}`,
  `  → ${allow}`,
];
