import { unixMillis, type UnixMillis } from './brand.js';

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:(Z|z)|([+-])(\d{2}):?(\d{2}))?$/;

/**
 * Reads ISO 8601 strictly: a full date, a time, an optional fraction, `Z`, an offset, or nothing, which is UTC. Unlike
 * `Date.parse` it takes neither February 30th nor `24:00`, nor does it read a naive time as local.
 * @returns `undefined` where the text is no such time.
 */
export function parseTimestamp(text: unknown): UnixMillis | undefined {
  if (typeof text !== 'string' || text.length > 40) return undefined;
  const match = ISO_8601.exec(text);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const milliseconds = match[7] === undefined ? 0 : Number(match[7].padEnd(3, '0').slice(0, 3));
  // `Date.UTC` takes the year 26 for 1926; the calendar repeats itself after 400 years.
  const shifted = Date.UTC(year + 400, month - 1, day, hour, minute, second, milliseconds);
  const offset = match[9] === undefined ? 0 : offsetMinutes(match[9], match[10]!, match[11]!);
  return offset === undefined ? undefined : unixMillis(shifted - MS_OF_400_YEARS - offset * 60_000);
}

/** Whether a time that {@link parseTimestamp} reads says no time zone. */
export function isNaive(text: string): boolean {
  const match = text.length > 40 ? null : ISO_8601.exec(text);
  return match !== null && match[8] === undefined && match[9] === undefined;
}

const MS_OF_400_YEARS = 146_097 * 86_400_000;

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function offsetMinutes(sign: string, hours: string, minutes: string): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
