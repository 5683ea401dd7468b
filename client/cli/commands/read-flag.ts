import { asTyped, CliError } from '../cli-error.js';

/** @throws CliError if the text is not a number. */
export function readNumber(flag: string, text: string): number {
  // `Number` would also take `0x10` and an empty text.
  const value = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw new CliError(`${flag} must be a number, got ${asTyped(text)}`);
  return value;
}

/** Reads seconds, at least 0. @param shown how an error names them: as typed. @returns milliseconds; `undefined` if the flag was not given. */
export function readDuration(
  flag: string,
  text: string | undefined,
  shown: (seconds: number) => string | undefined = () => text,
): number | undefined {
  if (text === undefined) return undefined;
  const seconds = readNumber(flag, text);
  if (seconds < 0) throw new CliError(`${flag} must be >= 0, got ${String(shown(seconds))}`);
  return seconds * 1_000;
}

/** Reads a whole number from 1 to 2^31 - 1. */
export function readCap(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = readNumber(flag, text);
  if (!Number.isInteger(value)) throw new CliError(`${flag} must be a whole number, got ${text}`);
  if (value < 1) throw new CliError(`${flag} must be >= 1, got ${text}`);
  if (value >= 2 ** 31) throw new CliError(`${flag} must be < 2^31, got ${text}`);
  return value;
}

/** Reads a flag that may be given once: the last of two values would hide the others. @throws CliError if it is given again. */
export const once =
  (flag: string) =>
  (value: string, before: string | undefined): string => {
    if (before === undefined) return value;
    throw new CliError(`${flag} can be given once`, 'bad_args', 'ask once for each');
  };
