import { closestMatch, isJsonObject } from '../../../protocol/index.js';
import { excerpt, excerptOf } from '../terminal/excerpt.js';
import { CliError } from '../cli-error.js';
import type { Setting } from './setting.js';
import { LIMIT_NAMES, SETTINGS, type SettingName } from './settings.js';

/** The key of the limits in a file, an object. */
export const LIMITS_KEY = 'limits';
/** The key that only the user's own file may have. */
export const SAFE_DIRECTORIES_KEY = 'safe_directories';

/** The setting with this key. */
export function settingCalled(key: string): SettingName | undefined {
  const found = (Object.keys(SETTINGS) as SettingName[]).find((name) => SETTINGS[name].name === key);
  return found === 'limit' ? undefined : found;
}

/** No name is longer, and finding the closest match of a long text would take long. */
const MAX_NAME_LENGTH = 64;

const closestName = (name: string, known: readonly string[]): string | undefined =>
  name.length > MAX_NAME_LENGTH ? undefined : closestMatch(name, known);

/** A hint for an unknown key. */
export function suggestion(key: string): string {
  const names = Object.values(SETTINGS).map(({ name }) => (name === 'limit' ? LIMITS_KEY : name));
  return suggestionOf(key, [...names, SAFE_DIRECTORIES_KEY], 'muse-bus config lists the settings');
}

/** A hint for a key that is none of those that are known. @param otherwise if none of them is similar. */
export function suggestionOf(key: string, known: readonly string[], otherwise: string): string {
  const best = closestName(key, known);
  return best === undefined ? otherwise : `did you mean ${best}?`;
}

/**
 * The value as the texts that a flag would have.
 * @param value any JSON, however deep.
 * @throws CliError
 */
export function textsOf(value: unknown, { takes }: Pick<Setting<unknown>, 'takes'>, where: string): readonly string[] {
  if (Array.isArray(value) && takes !== 'list')
    throw new CliError(`${where} must be one value, got a list`, 'bad_config');
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new CliError(`${where} must be a text, a number, true or false, got ${excerptOf(one)}`, 'bad_config');
  });
}

/**
 * A limit from a file, in the form of `--limit`.
 * @throws CliError for an unknown limit, or a value that is not a number.
 */
export function limitText(name: string, value: unknown, path: string): string {
  if (!LIMIT_NAMES.has(name)) {
    const best = closestName(name, [...LIMIT_NAMES.keys()]);
    const hint = best === undefined ? `limits are ${[...LIMIT_NAMES.keys()].join(', ')}` : `did you mean ${best}?`;
    throw new CliError(`limits in ${path} must be NAME: N, got ${excerpt(name)}`, 'bad_config', hint);
  }
  if (typeof value === 'number') return `${name}=${String(value)}`;
  throw new CliError(`limits in ${path}: ${name} must be a number, got ${excerptOf(value)}`, 'bad_config');
}

/** The limits of a file, unchecked. @throws CliError for a value that is not an object. */
export function limitsObject(value: unknown, path: string): readonly (readonly [name: string, value: unknown])[] {
  if (isJsonObject(value)) return Object.entries(value);
  throw new CliError(`limits in ${path} must be an object, {"max_connections": 100}`, 'bad_config');
}
