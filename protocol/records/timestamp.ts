import { unixMillis, type UnixMillis } from '../brand.js';

/**
 * Either all separators of a date (or of a time) are present, or none. The groups have no names, because an object of names for each time
 * takes longer than the reading.
 */
const DATE = String.raw`(\d{4})(-?)(?:(\d{2})\2(\d{2})|W(\d{2})(?:\2(\d))?)`;
const CLOCK = String.raw`(\d{2})(?:(:?)(\d{2})(?:\8(\d{2}))?)?(?:[.,](\d*))?`;
const ZONE = String.raw`([Zz])|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?`;
const ISO_8601 = new RegExp(`^${DATE}(?:\\D${CLOCK}(?: ?(?:${ZONE}))?)?$`, 'u');
const MAX_CHARACTERS = 40;
/** The last millisecond that these forms can name. Rounded up, or with an offset, `9999-12-31T23:59:59.999999` would be a later one. */
const LAST_MS = 253_402_300_799_999;
const DAY_MS = 86_400_000;
/** Unix seconds, from programs that write the time in no other form: ten digits, from 2001 to 2286. */
const UNIX_SECONDS = /^\d{10}(?:\.\d{1,9})?$/;

/**
 * Reads a time in the forms that programs write: ISO 8601 with or without separators, a date alone, a week and its day, any sign between date
 * and time, an offset of hours alone or after a space, and Unix seconds of ten digits; blanks around it are skipped. That is what Python reads
 * as ISO 8601, so that each lease of Muse's is one. A time without an offset is UTC. A leap second is the second after it.
 * A fraction finer than a millisecond is rounded up, so that no lease ends before its time. Unlike `Date.parse`, it refuses February 30th and
 * `24:00`, and does not read a time without an offset as local time.
 * @returns `undefined` if the text is not such a time.
 */
export function parseTimestamp(text: unknown): UnixMillis | undefined {
  if (typeof text !== 'string' || text.length > MAX_CHARACTERS) return undefined;
  const written = text.trim();
  const parts = ISO_8601.exec(written);
  if (parts) return fromParts(parts);
  return UNIX_SECONDS.test(written) ? unixMillis(Math.ceil(Number(written) * 1_000)) : undefined;
}

/** Whether a time that {@link parseTimestamp} reads has no time zone. */
export function isNaive(text: string): boolean {
  const parts = text.length > MAX_CHARACTERS ? null : ISO_8601.exec(text.trim());
  if (parts === null) return false;
  return parts[12] === undefined && parts[13] === undefined;
}

function fromParts(parts: readonly (string | undefined)[]): UnixMillis | undefined {
  const number = (group: number): number => Number(parts[group] ?? 0);
  const year = number(1);
  const days =
    parts[3] === undefined ? daysToWeek(year, number(5), Number(parts[6] ?? 1)) : daysTo(year, number(3), number(4));
  const [hour, minute, second] = [number(7), number(9), number(10)];
  if (days === undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const fraction = (parts[11] ?? '').padEnd(3, '0');
  const milliseconds = Number(fraction.slice(0, 3)) + (/[1-9]/.test(fraction.slice(3)) ? 1 : 0);
  const offsetMs = zoneOffsetMs(parts[13], number(14), number(15), number(16));
  if (offsetMs === undefined) return undefined;
  const at = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + milliseconds - offsetMs;
  // UTC inserts a leap second at the end of a day only.
  if (second === 60 && ((at % DAY_MS) + DAY_MS) % DAY_MS > 1_000) return undefined;
  return unixMillis(Math.min(at, LAST_MS));
}

const DAYS_OF_400_YEARS = 146_097;

/** Returns the days from 1970 to a date; `undefined` if there is no such date. */
function daysTo(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  // `Date.UTC` reads the year 26 as 1926. The calendar repeats itself after 400 years, so the calculation uses a year 400 years later.
  return Date.UTC(year + 400, month - 1, day) / DAY_MS - DAYS_OF_400_YEARS;
}

/** Returns the days from 1970 to a day of a week. A week belongs to the year of its Thursday, and begins on Monday, the day 1. */
function daysToWeek(year: number, week: number, day: number): number | undefined {
  const january4 = daysTo(year, 1, 4)!;
  const monday = january4 - ((((january4 + 3) % 7) + 7) % 7) + (week - 1) * 7;
  const isOfYear = week > 0 && monday + 3 <= daysTo(year, 12, 31)!;
  return isOfYear && day >= 1 && day <= 7 ? monday + day - 1 : undefined;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function zoneOffsetMs(sign: string | undefined, hours: number, minutes: number, seconds: number): number | undefined {
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1_000;
  return sign === '-' ? -ms : ms;
}
