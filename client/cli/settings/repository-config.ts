import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '../../../server/index.js';
import { ownerFault, readSettingsFile } from '../../../server/repository/index.js';
import { LIMITS_KEY, limitsObject, limitText, settingCalled, suggestion, textsOf } from './config-entry.js';
import { excerpt, excerptOf } from '../terminal/excerpt.js';
import { toCliError } from '../cli-error.js';
import { LEAST_LIMITS, repositoryFault, SOURCE_RULES, SOURCE_TABLE, type SourceRow } from './setting-sources.js';
import { flagOf, variableOf } from './setting.js';
import { readLimit, SETTINGS, type SettingName } from './settings.js';

/** A setting in a file that is refused. All texts are short. */
export interface Refusal {
  /** The setting, or `*` for the whole file. */
  readonly name: string;
  readonly value: string;
  readonly where: string;
  readonly why: string;
  /** How the user can set it instead. */
  readonly allow: string;
}

/** The settings of the repository's file that a checkout may set, and those that are refused. */
export interface RepositoryConfig {
  readonly path: string;
  readonly texts: ReadonlyMap<SettingName, readonly string[]>;
  readonly refusals: readonly Refusal[];
}

/** The values in force without the repository's file. */
export interface InForce {
  valueOf(name: Exclude<SettingName, 'limit'>): unknown;
  limit(name: keyof Limits): number;
}

/** The most refusals that are listed: a file of 64 KiB could fill a log with its keys. */
const MAX_REFUSALS = 50;

/**
 * Reads `.muse/bus/config.json`. The file is not trusted. Mistakes are refused with a reason and never thrown, because a
 * checkout must not be able to prevent a server from starting.
 */
export function readRepositoryConfig(root: string, inForce: InForce, userFile: string | undefined): RepositoryConfig {
  const path = join(root, '.muse', 'bus', 'config.json');
  const link = linkAbove(root);
  const content =
    link === undefined ? readSettingsFile(path, 'refused', ownerFault) : ({ state: 'unreadable', why: link } as const);
  const elsewhere = userFile ?? 'a file of your own';
  switch (content.state) {
    case 'absent':
      return { path, texts: new Map(), refusals: [] };
    case 'unreadable': {
      const allow = `make it a plain JSON file that you own, or use ${elsewhere}`;
      const whole = { name: '*', value: 'the whole file', where: path, why: content.why, allow };
      return { path, texts: new Map(), refusals: [whole] };
    }
    default:
      return new ConfigReading(path, inForce, elsewhere).read(content.entries);
  }
}

/** One reading of the file, with what it has accepted and refused so far. */
class ConfigReading {
  readonly #texts = new Map<SettingName, readonly string[]>();
  readonly #limits: string[] = [];
  readonly #refusals: Refusal[] = [];

  constructor(
    private readonly path: string,
    private readonly inForce: InForce,
    /** The file in which the user may set everything. */
    private readonly elsewhere: string,
  ) {}

  read(entries: Iterable<readonly [string, unknown]>): RepositoryConfig {
    for (const [key, value] of entries) {
      if (key === LIMITS_KEY) this.#readLimits(value);
      else this.#readSetting(key, value);
    }
    if (this.#limits.length > 0) this.#texts.set('limit', this.#limits);
    return { path: this.path, texts: this.#texts, refusals: bounded(this.#refusals, this.path) };
  }

  #refuse(name: string, value: unknown, why: string, allow: string): void {
    const texts = { name: excerpt(name), value: excerptOf(value), why: excerpt(why, 200) };
    this.#refusals.push({ ...texts, where: this.path, allow });
  }

  #readSetting(key: string, value: unknown): void {
    const name = settingCalled(key);
    if (name === undefined || name === 'limit') {
      this.#refuseOther(key, value);
      return;
    }
    const setting = SETTINGS[name];
    const allow = `${flagOf(setting)}, ${variableOf(setting)}, or ${setting.name} in ${this.elsewhere}`;
    const rule = SOURCE_RULES[name];
    // An address may contain a password.
    const shown = name === 'relay' && typeof value === 'string' && value.includes('@') ? '(not shown)' : value;
    // Checked before the value is read: if it may not be set, its form does not matter.
    if (rule.repository.may === 'nothing') {
      this.#refuse(key, shown, repositoryFault(rule, undefined, undefined)!, allow);
      return;
    }
    try {
      const said = textsOf(value, setting, key);
      const why = repositoryFault(rule, setting.read(said, key), this.inForce.valueOf(name));
      if (why === undefined) this.#texts.set(name, said);
      else this.#refuse(key, value, why, allow);
    } catch (error) {
      this.#refuse(key, value, toCliError(error).message, allow);
    }
  }

  /** Refuses a key that is no setting of a file. */
  #refuseOther(key: string, value: unknown): void {
    const other = SOURCE_TABLE.find((row) => row.name === key);
    if (other === undefined) {
      this.#refuse(key, value, 'there is no such setting', suggestion(key));
      return;
    }
    const shown = SECRET_NAMES.has(key) ? '(not shown)' : value;
    this.#refuse(key, shown, repositoryFault(other.rule, undefined, undefined)!, waysTo(other, this.elsewhere));
  }

  #readLimits(value: unknown): void {
    let entries: ReturnType<typeof limitsObject>;
    try {
      entries = limitsObject(value, 'this file');
    } catch (error) {
      const allow = `--limit, MUSE_BUS_LIMIT, or limits in ${this.elsewhere}`;
      this.#refuse(LIMITS_KEY, value, toCliError(error).message, allow);
      return;
    }
    for (const [name, limit] of entries) this.#readLimit(name, limit);
  }

  #readLimit(name: string, limit: unknown): void {
    const allow = `--limit ${excerpt(name)}=N, MUSE_BUS_LIMIT, or limits in ${this.elsewhere}`;
    try {
      const text = limitText(name, limit, 'this file');
      const [known, number] = readLimit(text, LIMITS_KEY);
      const rule = { may: 'lower', least: LEAST_LIMITS[known] ?? 1 } as const;
      const why = repositoryFault({ ...SOURCE_RULES.limit, repository: rule }, number, this.inForce.limit(known));
      if (why === undefined) this.#limits.push(text);
      else this.#refuse(`limit.${name}`, limit, why, allow);
    } catch (error) {
      const { message, hint } = toCliError(error);
      this.#refuse(`limit.${name}`, limit, message, hint === '' ? allow : hint);
    }
  }
}

/** Never shown in a log. */
const SECRET_NAMES: ReadonlySet<string> = new Set(['token', 'relay_password', 'relay_token']);

const waysTo = ({ name, flag, variable }: SourceRow, userFile: string): string =>
  flag === undefined ? `${name} in ${userFile}` : `${flag} or ${variable!}`;

/** A directory above the file that is a symbolic link: the checkout could lead anywhere with it. */
function linkAbove(root: string): string | undefined {
  for (const parts of [['.muse'], ['.muse', 'bus']]) {
    try {
      if (lstatSync(join(root, ...parts)).isSymbolicLink()) return `${parts.join('/')} is a symbolic link`;
    } catch {
      // A missing or unreadable directory also fails, with its reason, when the file is opened.
      return undefined;
    }
  }
  return undefined;
}

function bounded(refusals: readonly Refusal[], where: string): readonly Refusal[] {
  if (refusals.length <= MAX_REFUSALS) return refusals;
  const more = refusals.length - MAX_REFUSALS;
  const rest = { name: '…', value: '', where, why: `${String(more)} more are refused`, allow: 'remove them' };
  return [...refusals.slice(0, MAX_REFUSALS), rest];
}
