import type { Command } from 'commander';
import { nearest } from '../../protocol/index.js';
import { DEFAULT_LIMITS, type Limits } from '../../server/index.js';
import { readConfigFile, type ConfigFile } from './config-file.js';
import { Failure } from './failure.js';
import { several } from './help.js';
import { SECRET_VARIABLES } from './relay-settings.js';
import { flagOf, variableOf, type Origin } from './setting.js';
import { LIMIT_NAMES, readLimit, SETTINGS, type SettingName, type Settings } from './settings.js';

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
  /** Variables that look like ours and are none, with what may have been meant. */
  readonly strangers: readonly string[];
}

/** Read by the commands that ask a bus, or by our tests. */
const OTHER_VARIABLES = [
  'MUSE_BUS_ROOT',
  'MUSE_BUS_URL',
  'MUSE_BUS_TOKEN',
  'MUSE_BUS_ENDPOINT',
  'MUSE_BUS_REFERENCE',
  ...SECRET_VARIABLES,
];

/** @param isWanted which of them the command takes. */
export function withSettings(command: Command, isWanted: (name: SettingName) => boolean = () => true): Command {
  for (const [name, setting] of Object.entries(SETTINGS)) {
    if (!isWanted(name as SettingName)) continue;
    const fallback = setting.takes === 'text' && setting.fallback !== undefined ? ` (default: ${setting.shown})` : '';
    const description = `${setting.description}${fallback}`;
    if (setting.takes === 'list') command.option(setting.flag, description, several);
    else command.option(setting.flag, description);
  }
  return command;
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
 * Flags over environment over the repository's file over defaults.
 * @param root the repository; `undefined` where there is none, and so no file.
 * @throws Failure for what cannot be read, naming where it was said.
 */
export function resolveSettings(
  flags: ReadonlyMap<string, readonly string[]>,
  env: NodeJS.ProcessEnv,
  root?: string,
): ResolvedSettings {
  const file: ConfigFile = root === undefined ? { path: '', texts: new Map() } : readConfigFile(root);
  const placesOf = (name: SettingName): Found[] => {
    const variable = variableOf(SETTINGS[name]);
    const places = [
      { origin: 'flag', where: flagOf(SETTINGS[name]), texts: flags.get(name) },
      { origin: 'environment', where: variable, texts: fromVariable(env[variable], SETTINGS[name].takes) },
      { origin: 'file', where: file.path, texts: file.texts.get(name) },
    ] as const;
    return places.filter((place): place is typeof place & Found => place.texts !== undefined);
  };
  const resolved: Record<string, unknown> = {};
  const views: SettingView[] = [];
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    if (name === 'limit') continue;
    const setting = SETTINGS[name];
    const [found] = placesOf(name);
    const value = found ? setting.read(found.texts, placeOf(found, setting.name)) : setting.fallback;
    resolved[name] = value;
    views.push({ name: setting.name, value, origin: found?.origin ?? 'default', where: found?.where ?? '' });
  }
  const limits = limitViews(placesOf('limit'));
  const given = limits.filter(({ origin }) => origin !== 'default').map(({ limit, value }) => [limit, value]);
  const settings = { ...(resolved as Omit<Settings, 'limit'>), limits: Object.fromEntries(given) as Partial<Limits> };
  return { settings, views: [...views, ...limits], strangers: strangersIn(env) };
}

type Found = Said & { readonly texts: readonly string[] };

/** An empty variable says nothing. */
function fromVariable(value: string | undefined, takes: 'text' | 'list' | 'switch'): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined;
  return takes === 'list' ? value.split(',').map((part) => part.trim()) : [value];
}

const placeOf = ({ origin, where }: Said, name: string): string => (origin === 'file' ? `${name} in ${where}` : where);

type LimitView = SettingView & { readonly limit: keyof Limits };

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

function strangersIn(env: NodeJS.ProcessEnv): string[] {
  const known = [...Object.values(SETTINGS).map(variableOf), ...OTHER_VARIABLES];
  return Object.keys(env)
    .filter((name) => name.startsWith('MUSE_BUS_') && !known.includes(name))
    .map((name) => {
      const best = nearest(name, known);
      return best === undefined ? `${name} is no setting` : `${name} is no setting; did you mean ${best}?`;
    });
}

/** @throws Failure with all of them: for where a misspelt variable must not pass. */
export function refuseStrangers({ strangers }: Pick<ResolvedSettings, 'strangers'>): void {
  if (strangers.length > 0) throw new Failure(strangers.join('; '), 'bad_config', 'muse-bus config lists the settings');
}
