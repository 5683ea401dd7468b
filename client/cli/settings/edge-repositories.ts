import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isJsonObject } from '../../../protocol/index.js';
import type { EdgeRepository, Limits } from '../../../server/index.js';
import { CliError } from '../cli-error.js';
import { fileError } from '../file-error.js';
import { excerpt, excerptOf } from '../terminal/excerpt.js';
import { LIMITS_KEY, limitsObject, limitText, suggestionOf, textsOf } from './config-entry.js';
import { relayOptions } from './relay-settings.js';
import type { ResolvedSettings } from './resolve-settings.js';
import { readLimit, SETTINGS, type SettingName } from './settings.js';

type EdgeSettings = ResolvedSettings['settings'];

/** The settings that each repository of an edge may have for itself. All others are the edge's. */
const OWN_SETTINGS = [
  'relay',
  'relayRepository',
  'relayCreds',
  'relayNkey',
  'relayUser',
  'relayPasswordFile',
  'relayTokenFile',
  'relayCa',
  'relayCert',
  'relayKey',
  'relayPublicKey',
  'relayDomain',
  'relayInbox',
  'maxStaleness',
] as const satisfies readonly SettingName[];
const BY_KEY = new Map(OWN_SETTINGS.map((name) => [SETTINGS[name].name, name]));

/** Those whose value is the path of a file. */
const FILES: ReadonlySet<SettingName> = new Set<SettingName>([
  'relayCreds',
  'relayNkey',
  'relayPasswordFile',
  'relayTokenFile',
  'relayCa',
  'relayCert',
  'relayKey',
]);
const OWN_FILES = ['endpoint', 'token_file'] as const;
const KEYS: readonly string[] = ['path', ...OWN_FILES, ...BY_KEY.keys(), LIMITS_KEY];

/** One repository as the file names it, and as `muse-bus config` shows it. Paths of files are absolute. */
export interface NamedRepository {
  readonly path: string;
  readonly repository: string;
  readonly endpoint: string | undefined;
  readonly tokenFile: string | undefined;
  readonly options: EdgeRepository;
}

/**
 * Reads the file of `--repositories`: `{"repositories": [{"relay_repository": "shop", "token_file": "shop.token"}]}`. What an entry does not
 * say is the edge's own setting. Paths are relative to the file.
 * @throws CliError that names the file, the entry and the key.
 */
export function readEdgeRepositories(file: string, settings: EdgeSettings, env = process.env): NamedRepository[] {
  const { repositories, ...others } = contentOf(file);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw unknownKey(file, unknown, ['repositories']);
  if (!Array.isArray(repositories) || repositories.length === 0) {
    throw new CliError(`repositories in ${file} must be a list of at least one`, 'bad_config', EXAMPLE);
  }
  return repositories.map((entry: unknown, i) =>
    readEntry(entry, { file, where: `repository ${String(i + 1)} in ${file}` }, settings, env),
  );
}

interface Place {
  readonly file: string;
  readonly where: string;
}

const EXAMPLE = 'for example {"repositories": [{"relay_repository": "shop", "token_file": "shop.token"}]}';

function contentOf(file: string): Record<string, unknown> {
  const what = `the repositories in ${file}`;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError('read', file, error, { what, status: 'bad_config' });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw fileError('read', file, error, { what, status: 'bad_config', hint: EXAMPLE });
  }
  if (isJsonObject(content)) return content;
  throw new CliError(`${file} must hold an object, got ${excerptOf(content)}`, 'bad_config', EXAMPLE);
}

const unknownKey = (where: string, key: string, known: readonly string[]): CliError =>
  new CliError(
    `${where} has no key ${JSON.stringify(excerpt(key))}`,
    'bad_config',
    suggestionOf(key, known, `keys are ${known.join(', ')}`),
  );

function readEntry(entry: unknown, place: Place, edge: EdgeSettings, env: NodeJS.ProcessEnv): NamedRepository {
  const { file, where } = place;
  if (!isJsonObject(entry)) throw new CliError(`${where} must be an object, got ${excerptOf(entry)}`, 'bad_config');
  const given: Record<string, unknown> = {};
  const texts = new Map<string, string>();
  let limits: Partial<Limits> = {};
  for (const [key, value] of Object.entries(entry)) {
    const setting = BY_KEY.get(key);
    if (key === LIMITS_KEY) limits = limitsOf(value, where);
    else if (setting) given[setting] = valueOf(setting, value, place);
    else if (key === 'path' || OWN_FILES.some((one) => one === key)) texts.set(key, oneText(value, key, where));
    else throw unknownKey(where, key, KEYS);
  }
  if (given['relayRepository'] === undefined)
    throw new CliError(`${where} needs relay_repository`, 'bad_config', EXAMPLE);
  // An entry that says who it is to NATS says all of it: half of one user and half of another is nobody.
  const hasAccess = ACCESS.some((name) => given[name] !== undefined);
  const settings: EdgeSettings = { ...edge, ...(hasAccess ? NO_ACCESS : {}), ...given };
  const relay = relayOptions({ settings }, hasAccess ? {} : env);
  if (!relay) throw new CliError(`${where} needs the NATS server of its origin: --relay, or relay in it`, 'bad_config');
  const path = texts.get('path') ?? `/${settings.relayRepository}`;
  const [endpoint, tokenFile] = OWN_FILES.map((key) => (texts.has(key) ? beside(file, texts.get(key)!) : undefined));
  if (endpoint === undefined && tokenFile === undefined) {
    throw new CliError(`${where} needs token_file, or endpoint beside which its token is made`, 'bad_config', EXAMPLE);
  }
  const maxStalenessMs = Math.round(settings.maxStaleness * 1_000);
  const options = { relay, path, endpointFile: endpoint, tokenFile, limits, maxStalenessMs };
  return { path, repository: settings.relayRepository, endpoint, tokenFile, options };
}

const ACCESS = ['relayCreds', 'relayNkey', 'relayUser', 'relayPasswordFile', 'relayTokenFile'] as const;
const NO_ACCESS = Object.fromEntries(ACCESS.map((name) => [name, undefined]));

function valueOf(name: (typeof OWN_SETTINGS)[number], value: unknown, { file, where }: Place): unknown {
  const setting = SETTINGS[name];
  const at = `${setting.name} of ${where}`;
  const texts = textsOf(value, setting, at);
  return setting.read(FILES.has(name) ? texts.map((text) => beside(file, text)) : texts, at);
}

function oneText(value: unknown, key: string, where: string): string {
  if (typeof value === 'string') return value;
  throw new CliError(`${key} of ${where} must be a text, got ${excerptOf(value)}`, 'bad_config');
}

function limitsOf(value: unknown, where: string): Partial<Limits> {
  const texts = limitsObject(value, where).map(([name, limit]) => limitText(name, limit, where));
  return Object.fromEntries(texts.map((text) => readLimit(text, `limits of ${where}`)));
}

const beside = (file: string, path: string): string => resolve(dirname(file), path);
