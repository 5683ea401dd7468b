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
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part?: string) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)));
  // A day beyond the end of its month would have rolled into the next one.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = match[9] === undefined ? 0 : offsetMinutes(match[9], match[10]!, match[11]!);
  return offset === undefined ? undefined : unixMillis(date.getTime() - offset * 60_000);
}

/** Whether a time that {@link parseTimestamp} reads says no time zone. */
export function isNaive(text: string): boolean {
  const match = text.length > 40 ? null : ISO_8601.exec(text);
  return match !== null && match[8] === undefined && match[9] === undefined;
}

function offsetMinutes(sign: string, hours: string, minutes: string): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
