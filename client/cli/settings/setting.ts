import { CliError } from '../cli-error.js';

/** The sources of a setting's value, the strongest first. */
export type Origin = 'flag' | 'environment' | 'user-file' | 'repository-file' | 'default';

/**
 * One setting of a server. It can be set by a flag, by an environment variable `MUSE_BUS_…`, and by a key of a configuration
 * file, all with the same name. `setting-sources.ts` says which source may set what.
 */
export interface Setting<T> {
  /** The key in a file, `poll_interval`. */
  readonly name: string;
  /** The flag in commander's form, `--poll-interval <seconds>`. */
  readonly flag: string;
  readonly description: string;
  /** The default, and how it is shown. */
  readonly fallback: T;
  readonly shown: string;
  /** How often it may be given: once, or as a list (in the environment separated by commas, an array in the file). */
  readonly takes: 'text' | 'list' | 'switch';
  /** The values it may have, if they can be listed. */
  readonly choices?: readonly string[];
  /** @param texts at least one. @param where names the source in an error. @throws CliError */
  readonly read: (texts: readonly string[], where: string) => T;
}

type Naming = Pick<Setting<unknown>, 'name' | 'flag' | 'description'>;
type Reader<T> = (text: string, where: string) => T;

/** One text. */
export function setting<T extends string | number>(naming: Naming, fallback: T, read: Reader<T>): Setting<T> {
  const last: Setting<T>['read'] = (texts, where) => read(texts.at(-1)!, where);
  return { ...naming, fallback, shown: String(fallback), takes: 'text', read: last };
}

/** One of a few texts. */
export function choice<T extends string>(naming: Naming, fallback: T, choices: readonly T[]): Setting<T> {
  return { ...setting(naming, fallback, oneOf(choices)), choices };
}

/** A text without a default. */
export function optional(naming: Naming): Setting<string | undefined> {
  return { ...naming, fallback: undefined, shown: 'none', takes: 'text', read: (texts) => texts.at(-1) };
}

/** A number without a default. */
export function optionalNumber(naming: Naming, read: Reader<number>): Setting<number | undefined> {
  return {
    ...naming,
    fallback: undefined,
    shown: 'none',
    takes: 'text',
    read: (texts, where) => read(texts.at(-1)!, where),
  };
}

/** An address that must not contain a password, because logs and `muse-bus config` show it. */
export function withoutSecret(address: Setting<string | undefined>): Setting<string | undefined> {
  const read: Setting<string | undefined>['read'] = (texts, where) => {
    // With or without a scheme, `@` in an address always follows a user.
    if (!texts.at(-1)!.includes('@')) return texts.at(-1);
    throw new CliError(`${where} must not contain a user or password: process lists and logs would show it`);
  };
  return { ...address, read };
}

export function list(naming: Naming, read: Reader<string> = asText): Setting<readonly string[]> {
  const each: Setting<readonly string[]>['read'] = (texts, where) => texts.map((text) => read(text, where));
  return { ...naming, fallback: [], shown: 'none', takes: 'list', read: each };
}

/** @param fallback `true` makes the flag a `--no-…`. */
export function toggle(naming: Naming, fallback: boolean): Setting<boolean> {
  const read: Setting<boolean>['read'] = (texts, where) => readSwitch(texts.at(-1)!, where);
  return { ...naming, fallback, shown: String(fallback), takes: 'switch', read };
}

/** The name of a setting in the environment. */
export const variableOf = ({ name }: Pick<Setting<unknown>, 'name'>): string => `MUSE_BUS_${name.toUpperCase()}`;

/** The flag without its value, `--poll-interval`. */
export const flagOf = ({ flag }: Pick<Setting<unknown>, 'flag'>): string => flag.split(' ')[0]!;

function readSwitch(text: string, where: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  throw new CliError(`${where} must be true or false, got ${text}`);
}

// ── how values are read ─────────────────────────────────────────────────────────────────────────────────────────────

export const asText: Reader<string> = (text) => text;

export const sha256: Reader<string> = (text, where) => {
  const hash = text.trim().toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new CliError(`${where} must be a SHA-256 in 64 hexadecimal digits, got ${text}`);
};

export const wholeNumber =
  (low: number, high: number): Reader<number> =>
  (text, where) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (value >= low && value <= high) return value;
    throw new CliError(`${where} must be a whole number from ${String(low)} to ${String(high)}, got ${text}`);
  };

/** Seconds, with a fraction. */
export const seconds =
  (low: number, high: number): Reader<number> =>
  (text, where) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (value >= low && value <= high) return value;
    throw new CliError(`${where} must be from ${String(low)} to ${String(high)} seconds, got ${text}`);
  };

const oneOf =
  <T extends string>(choices: readonly T[]): Reader<T> =>
  (text, where) => {
    const found = choices.find((value) => value === text);
    if (found !== undefined) return found;
    throw new CliError(`${where} must be one of ${choices.join(', ')}, got ${text}`);
  };
