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

/** Where a value comes from, for people: `--port`, `MUSE_BUS_PORT`, a path; empty for a default. */
interface Said {
  readonly origin: Origin;
  readonly where: string;
}

/** A setting as `muse-bus config` shows it. */
export interface SettingView extends Said {
  readonly name: string;
  readonly value: Settings[SettingName] | number;
}

export interface ResolvedSettings {
  readonly settings: Omit<Settings, 'limit'> & { readonly limits: Partial<Limits> };
  readonly views: readonly SettingView[];
  /** What the repository's file said and may not say, and a file of settings that cannot be read. */
  readonly refusals: readonly Refusal[];
  /** Variables that look like ours and are none, with what may have been meant. */
  readonly unknownVariables: readonly string[];
}

/** Read by our tests. */
const OTHER_VARIABLES = ['MUSE_BUS_REFERENCE'];

/** @param isWanted which of them the command takes. */
export function withSettings(command: Command, isWanted: (name: SettingName) => boolean = () => true): Command {
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    if (isWanted(name)) command.addOption(optionOf(setting));
  }
  return command;
}

/**
 * The option says in the help where else its value may come from. {@link resolveSettings} reads the variable all the same:
 * to commander an empty one is a value, a list is one text, and `MUSE_BUS_INSECURE=false` switches on.
 */
function optionOf(setting: Setting<unknown>): Option {
  const { flag, description, takes, fallback, shown, choices } = setting;
  const variable = variableOf(setting);
  if (takes === 'switch') return new Option(flag, `${description} (env: ${variable}=${String(fallback !== true)})`);
  const option = withChoices(new Option(flag, description).env(variable), choices);
  if (takes === 'list') return option.argParser(several);
  return fallback === undefined ? option : option.default(fallback, shown);
}

/** The flags of a command that were written, by name; commander's own defaults are not among them. */
export function writtenFlags(command: Command): ReadonlyMap<string, readonly string[]> {
  const written = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(command.opts())) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    written.set(name, Array.isArray(value) ? value.map(String) : [String(value)]);
  }
  return written;
}

/**
 * Flags over environment over the user's file over the repository's file over defaults.
 * @param root the repository; `undefined` where there is none, and so no file of it.
 * @throws CliError for what cannot be read, naming where it was said. What the repository's file says is never thrown.
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
  const placesOf = (name: SettingName): Found[] => [
    ...trusted(name),
    ...found([{ origin: 'repository-file', where: repository?.path ?? '', texts: repository?.texts.get(name) }]),
  ];
  const resolved: Record<string, unknown> = {};
  const views: SettingView[] = [];
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    if (name === 'limit') continue;
    const [place] = placesOf(name);
    const value = valueOf(name, place);
    resolved[name] = value;
    views.push({
      name: SETTINGS[name].name,
      value,
      origin: place?.origin ?? 'default',
      where: place?.where ?? '',
    });
  }
  const limits = limitViews(placesOf('limit'));
  const given = limits.filter(({ origin }) => origin !== 'default').map(({ limit, value }) => [limit, value]);
  return {
    settings: { ...(resolved as Omit<Settings, 'limit'>), limits: Object.fromEntries(given) as Partial<Limits> },
    views: [...views, safeDirectoriesView(user), ...limits],
    refusals: [...userFileUnknown(user), ...(repository?.refusals ?? [])],
    unknownVariables: unknownVariablesIn(env),
  };
}

const found = (places: readonly (Said & { readonly texts: readonly string[] | undefined })[]): Found[] =>
  places.filter((place): place is Found => place.texts !== undefined);

function valueOf(name: Exclude<SettingName, 'limit'>, place: Found | undefined): Settings[SettingName] {
  const setting: Pick<Setting<unknown>, 'name' | 'fallback' | 'read'> = SETTINGS[name];
  return (place ? setting.read(place.texts, placeOf(place, setting.name)) : setting.fallback) as Settings[SettingName];
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

type Found = Said & { readonly texts: readonly string[] };

/** An empty variable says nothing. */
function fromVariable(value: string | undefined, takes: 'text' | 'list' | 'switch'): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined;
  return takes === 'list' ? value.split(',').map((part) => part.trim()) : [value];
}

const placeOf = ({ origin, where }: Said, name: string): string =>
  origin === 'user-file' || origin === 'repository-file' ? `${name} in ${where}` : where;

type LimitView = SettingView & { readonly limit: keyof Limits; readonly value: number };

/** Each limit by itself: one that a flag sets leaves those of the file standing. @param places the strongest first. */
function limitViews(places: readonly Found[]): LimitView[] {
  const given = new Map<keyof Limits, Said & { readonly value: number }>();
  for (const { texts, origin, where } of [...places].reverse()) {
    for (const text of texts) {
      const [limit, value] = readLimit(text, placeOf({ origin, where }, 'limits'));
      given.set(limit, { value, origin, where });
    }
  }
  return [...LIMIT_NAMES].map(([shown, limit]) => {
    const { value, origin, where } = given.get(limit) ?? defaultOf(limit);
    return { name: `limit.${shown}`, limit, value, origin, where };
  });
}

const defaultOf = (limit: keyof Limits): Said & { readonly value: number } => ({
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

/** @throws CliError with all of them: for where a misspelt variable must not pass. */
export function refuseUnknownVariables({ unknownVariables }: Pick<ResolvedSettings, 'unknownVariables'>): void {
  if (unknownVariables.length > 0)
    throw new CliError(unknownVariables.join('; '), 'bad_config', 'muse-bus config lists the settings');
}
