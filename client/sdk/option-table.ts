import { closestMatch, isJsonObject } from '../../protocol/index.js';
import { BusError } from './bus-error.js';

/** The values that an option accepts; `expects` is their description in an error. */
interface OptionType {
  readonly expects: string;
  accepts(value: unknown): boolean;
}

/** Every option of a call and the values it accepts; an option that is not in the table is refused. */
export type OptionTable<Options> = { readonly [Name in keyof Required<Options>]: OptionType };

const typed = (expects: string, accepts: (value: unknown) => boolean): OptionType => ({ expects, accepts });

export const ANYTHING = typed('anything', () => true);
export const ANY_TEXT = typed('a string', (value) => typeof value === 'string');
export const TEXT = typed('a string that is not empty', (value) => typeof value === 'string' && value.trim() !== '');
export const TEXTS = typed(
  'a list of strings',
  (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
);
export const URLS = typed(
  'a string, or a list of strings',
  (value) => typeof value === 'string' || TEXTS.accepts(value),
);
export const FLAG = typed('true or false', (value) => typeof value === 'boolean');
export const CALL = typed('a function', (value) => typeof value === 'function');
export const OBJECT = typed('an object', (value) => typeof value === 'object' && value !== null);
/** An object with functions: a logger, a clock. */
export const objectWith = (...calls: readonly string[]): OptionType =>
  typed(`an object with the functions ${calls.join(', ')}`, (value) => {
    if (typeof value !== 'object' || value === null) return false;
    return calls.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function');
  });

export const SIGNAL = typed('an AbortSignal', (value) => value instanceof AbortSignal);
export const PEM = typed(
  'PEM text, bytes, or an array of them',
  (value) => Array.isArray(value) || typeof value === 'string' || value instanceof Uint8Array,
);

export const oneOf = (...values: readonly string[]): OptionType =>
  typed(`one of ${values.join(', ')}`, (value) => values.includes(value as string));

export const integer = (low: number, high: number): OptionType =>
  typed(
    `an integer from ${String(low)} to ${String(high)}`,
    (value) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high,
  );

export const milliseconds = typed(
  'a number of milliseconds, 0 or more',
  (value) => typeof value === 'number' && value >= 0,
);

export const attempts = typed(
  'a whole number of attempts, 1 or more, or Infinity',
  (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 1),
);

/**
 * Refuses unknown options and values that an option does not accept; `undefined` means that the option is absent.
 * @throws BusError `bad-option`, which names the option, and for an unknown one the nearest right name.
 */
export function checkOptions<Options>(call: string, given: unknown, table: OptionTable<Options>): void {
  if (given === undefined) return;
  if (!isJsonObject(given)) {
    throw new BusError('bad-option', `the options of ${call} must be an object, got ${shown(given)}`, '');
  }
  const types = table as Readonly<Record<string, OptionType>>;
  const names = Object.keys(types);
  for (const [name, value] of Object.entries(given)) {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (type === undefined) {
      const best = closestMatch(name, names);
      const hint = best === undefined ? `the options are ${names.join(', ')}` : `did you mean ${best}?`;
      throw new BusError('bad-option', `${call} has no option ${shown(name)}; ${hint}`, hint);
    }
    if (value !== undefined && !type.accepts(value)) {
      throw new BusError('bad-option', `${name} of ${call} must be ${type.expects}, got ${shown(value)}`, '');
    }
  }
}

/** A value as an error text shows it: a string is cut to 80 characters, and no value makes this function throw. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
