import { Option, type Command } from 'commander';
import { closestMatch } from '../../../protocol/index.js';
import { DEFAULT_LIMITS, type Limits } from '../../../server/index.js';
import { SAFE_DIRECTORIES_KEY } from './config-entry.js';
import { CliError } from '../cli-error.js';
import { several, withChoices } from '../terminal/help.js';
import { readRepositoryConfig, type InForce, type Refusal } from './repository-config.js';
import { SOURCE_TABLE } from './setting-sources.js';
import { flagOf, variableOf, type Origin, type Setting } from './setting.js';
import { LIMIT_NAMES, readLimit, SETTINGS, type SettingName, type Settings } from './settings.js';
import { readUserConfig, type UserConfig } from './user-config.js';

/** The source of a value. `where` is for people: `--port`, `MUSE_BUS_PORT`, a path; empty for a default. */
interface ValueSource {
  readonly origin: Origin;
  readonly where: string;
}

/** A setting as `muse-bus config` shows it. */
export interface SettingView extends ValueSource {
  readonly name: string;
  readonly value: Settings[SettingName] | number;
}

export interface ResolvedSettings {
  readonly settings: Omit<Settings, 'limit'> & { readonly limits: Partial<Limits> };
  readonly views: readonly SettingView[];
  /** Refused settings of the repository's file, and configuration files that cannot be read. */
  readonly refusals: readonly Refusal[];
  /** Unknown variables that begin with MUSE_BUS_, each with a hint. */
  readonly unknownVariables: readonly string[];
}

/** The first is used by tests only; the other is the token of `hooks serve`, which a harness's environment has too. */
const OTHER_VARIABLES = ['MUSE_BUS_REFERENCE', 'MUSE_BUS_HOOK_TOKEN'];

/** Adds the options of the settings. @param isWanted selects the settings of the command. */
export function withSettings(command: Command, isWanted: (name: SettingName) => boolean = () => true): Command {
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    if (isWanted(name)) command.addOption(optionOf(setting));
  }
  return command;
}

/**
 * Makes the option of a setting. Its help names the environment variable, but {@link resolveSettings} reads the variable, not commander:
 * commander would take an empty variable as a value, a list as one text, and `MUSE_BUS_INSECURE=false` as true.
 */
function optionOf(setting: Setting<unknown>): Option {
  const { flag, description, takes, fallback, shown, choices } = setting;
  const variable = variableOf(setting);
  if (takes === 'switch') return new Option(flag, `${description} (env: ${variable}=${String(fallback !== true)})`);
  const option = withChoices(new Option(flag, description).env(variable), choices);
  if (takes === 'list') return option.argParser(several);
  return fallback === undefined ? option : option.default(fallback, shown);
}

/** The flags that were given on the command line, by name; without defaults. */
export function writtenFlags(command: Command): ReadonlyMap<string, readonly string[]> {
  const written = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(command.opts())) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    written.set(name, Array.isArray(value) ? value.map(String) : [String(value)]);
  }
  return written;
}

/**
 * Resolves every setting. Flags override the environment, which overrides the user's file, which overrides the repository's file and the
 * defaults.
 * @param root the repository; `undefined` if there is none. Then no repository file is read.
 * @throws CliError for an invalid value, naming its source. Mistakes in the repository's file are never thrown.
 */
export function resolveSettings(
  flags: ReadonlyMap<string, readonly string[]>,
  env: NodeJS.ProcessEnv,
  root?: string,
): ResolvedSettings {
  const user = readUserConfig(env);
  const trusted = (name: SettingName): Found[] => {
    const variable = variableOf(SETTINGS[name]);
    return found([
      { origin: 'flag', where: flagOf(SETTINGS[name]), texts: flags.get(name) },
      { origin: 'environment', where: variable, texts: fromVariable(env[variable], SETTINGS[name].takes) },
      { origin: 'user-file', where: user.path ?? '', texts: user.texts.get(name) },
    ]);
  };
  const limitsInForce = new Map(limitViews(trusted('limit')).map(({ limit, value }) => [limit, value]));
  const inForce: InForce = {
    valueOf: (name) => valueOf(name, trusted(name)[0]),
    limit: (name) => limitsInForce.get(name)!,
  };
  const repository = root === undefined ? undefined : readRepositoryConfig(root, inForce, user.path);
  const sourcesOf = (name: SettingName): Found[] => [
    ...trusted(name),
    ...found([{ origin: 'repository-file', where: repository?.path ?? '', texts: repository?.texts.get(name) }]),
  ];
  const resolved: Record<string, unknown> = {};
  const views: SettingView[] = [];
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    if (name === 'limit') continue;
    const [source] = sourcesOf(name);
    const value = valueOf(name, source);
    resolved[name] = value;
    views.push({
      name: SETTINGS[name].name,
      value,
      origin: source?.origin ?? 'default',
      where: source?.where ?? '',
    });
  }
  const limits = limitViews(sourcesOf('limit'));
  const given = limits.filter(({ origin }) => origin !== 'default').map(({ limit, value }) => [limit, value]);
  return {
    settings: { ...(resolved as Omit<Settings, 'limit'>), limits: Object.fromEntries(given) as Partial<Limits> },
    views: [...views, safeDirectoriesView(user), ...limits],
    refusals: [...userFileUnknown(user), ...(repository?.refusals ?? [])],
    unknownVariables: unknownVariablesIn(env),
  };
}

const found = (sources: readonly (ValueSource & { readonly texts: readonly string[] | undefined })[]): Found[] =>
  sources.filter((source): source is Found => source.texts !== undefined);

function valueOf(name: Exclude<SettingName, 'limit'>, source: Found | undefined): Settings[SettingName] {
  const setting: Pick<Setting<unknown>, 'name' | 'fallback' | 'read'> = SETTINGS[name];
  return (
    source ? setting.read(source.texts, describeSource(source, setting.name)) : setting.fallback
  ) as Settings[SettingName];
}

const safeDirectoriesView = ({ path, safeDirectories }: UserConfig): SettingView => ({
  name: SAFE_DIRECTORIES_KEY,
  value: safeDirectories,
  origin: safeDirectories.length === 0 ? 'default' : 'user-file',
  where: safeDirectories.length === 0 ? '' : (path ?? ''),
});

function userFileUnknown({ path, unknown }: UserConfig): Refusal[] {
  if (unknown === undefined || path === undefined) return [];
  const allow = 'set XDG_CONFIG_HOME, or HOME, to a directory of the user who runs this';
  return [{ name: '*', value: 'the whole file', where: path, why: unknown, allow }];
}

type Found = ValueSource & { readonly texts: readonly string[] };

/** An empty variable counts as unset. */
function fromVariable(value: string | undefined, takes: 'text' | 'list' | 'switch'): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined;
  return takes === 'list' ? value.split(',').map((part) => part.trim()) : [value];
}

const describeSource = ({ origin, where }: ValueSource, name: string): string =>
  origin === 'user-file' || origin === 'repository-file' ? `${name} in ${where}` : where;

type LimitView = SettingView & { readonly limit: keyof Limits; readonly value: number };

/** Each limit is resolved on its own: a flag for one limit keeps the others from the file. @param sources the strongest first. */
function limitViews(sources: readonly Found[]): LimitView[] {
  const given = new Map<keyof Limits, ValueSource & { readonly value: number }>();
  for (const { texts, origin, where } of [...sources].reverse()) {
    for (const text of texts) {
      const [limit, value] = readLimit(text, describeSource({ origin, where }, 'limits'));
      given.set(limit, { value, origin, where });
    }
  }
  return [...LIMIT_NAMES].map(([shown, limit]) => {
    const { value, origin, where } = given.get(limit) ?? defaultOf(limit);
    return { name: `limit.${shown}`, limit, value, origin, where };
  });
}

const defaultOf = (limit: keyof Limits): ValueSource & { readonly value: number } => ({
  value: DEFAULT_LIMITS[limit],
  origin: 'default',
  where: '',
});

function unknownVariablesIn(env: NodeJS.ProcessEnv): string[] {
  const ours = SOURCE_TABLE.map(({ variable }) => variable).filter((variable) => variable !== undefined);
  const known = [...ours, ...OTHER_VARIABLES];
  return Object.keys(env)
    .filter((name) => name.startsWith('MUSE_BUS_') && !known.includes(name))
    .map((name) => {
      const best = closestMatch(name, known);
      return best === undefined ? `${name} is no setting` : `${name} is no setting; did you mean ${best}?`;
    });
}

/** @throws CliError that lists them, because a misspelt variable must not be ignored. */
export function refuseUnknownVariables({ unknownVariables }: Pick<ResolvedSettings, 'unknownVariables'>): void {
  if (unknownVariables.length > 0)
    throw new CliError(unknownVariables.join('; '), 'bad_config', 'muse-bus config lists the settings');
}
