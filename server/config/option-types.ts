import { closestMatch, isJsonObject } from '../../protocol/index.js';
import { OptionError } from './option-error.js';

/** The type of an option's value. A list of texts means that the value is one of them. The ranges of numbers are checked elsewhere. */
export type OptionKind = 'text' | 'texts' | 'number' | 'flag' | 'object' | 'objects' | readonly string[];

/**
 * Checks the names of options and the types of their values. `undefined` counts as an option that is not given.
 * @throws OptionError with the option's name; for an unknown name, with the most similar known one.
 */
export function checkOptionTypes(what: string, given: object, kinds: Readonly<Record<string, OptionKind>>): void {
  const names = Object.keys(kinds);
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      const best = closestMatch(name, names);
      const hint = best === undefined ? `there are ${names.join(', ')}` : `did you mean ${best}?`;
      throw new OptionError(`${what} has no option ${JSON.stringify(name.slice(0, 80))}; ${hint}`);
    }
    if (value !== undefined && !isOf(kind, value)) throw new OptionError(`${name} must be ${expected(kind)}`);
  }
}

function isOf(kind: OptionKind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'flag':
      return typeof value === 'boolean';
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'object':
      return isJsonObject(value);
    case 'objects':
      return Array.isArray(value) && value.every((one) => isJsonObject(one));
    default:
      return kind.some((one) => one === value);
  }
}

const EXPECTED = {
  text: 'a string',
  texts: 'a list of strings',
  number: 'a number',
  flag: 'true or false',
  object: 'an object',
  objects: 'a list of objects',
} as const;

const expected = (kind: OptionKind): string =>
  typeof kind === 'string' ? EXPECTED[kind] : `one of ${kind.join(', ')}`;
