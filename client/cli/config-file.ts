import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../../protocol/index.js';
import { Failure } from './failure.js';
import { SETTINGS, type SettingName } from './settings.js';

/** What a repository's `.muse/bus/config.json` says: for each setting the texts that a flag would have. */
export interface ConfigFile {
  readonly path: string;
  readonly texts: ReadonlyMap<SettingName, readonly string[]>;
}

const LIMITS = 'limits';

/**
 * @returns no texts where there is no file.
 * @throws Failure for a file that is no object of settings, naming what is wrong: a misspelt setting must not be a default.
 */
export function readConfigFile(root: string): ConfigFile {
  const path = join(root, '.muse', 'bus', 'config.json');
  const content = contentOf(path);
  const texts = new Map<SettingName, readonly string[]>();
  if (content === undefined) return { path, texts };
  for (const [key, value] of Object.entries(parse(content, path))) {
    if (key === LIMITS) texts.set('limit', limitTexts(value, path));
    else texts.set(settingCalled(key, path), textsOf(value, `${key} in ${path}`));
  }
  return { path, texts };
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, 'bad_config');
  }
}

function parse(content: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new Failure(`${path} is no JSON: ${(error as Error).message}`, 'bad_config');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Failure(`${path} must be an object of settings`, 'bad_config', 'muse-bus config lists them');
}

function settingCalled(key: string, path: string): SettingName {
  const found = (Object.keys(SETTINGS) as SettingName[]).find((name) => SETTINGS[name].name === key);
  // Limits are an object of their own.
  if (found !== undefined && found !== 'limit') return found;
  const known = [...Object.values(SETTINGS).map(({ name }) => (name === 'limit' ? LIMITS : name))];
  const best = nearest(key, known);
  const hint = best === undefined ? `settings are ${known.join(', ')}` : `did you mean ${best}?`;
  throw new Failure(`${path} has no setting ${JSON.stringify(key)}`, 'bad_config', hint);
}

function textsOf(value: unknown, where: string): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new Failure(`${where} must be a text, a number, true or false, got ${JSON.stringify(one)}`, 'bad_config');
  });
}

function limitTexts(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure(`limits in ${path} must be an object, {"max_connections": 100}`, 'bad_config');
  }
  return Object.entries(value).map(([name, limit]) => `${name}=${String(limit)}`);
}
