/** A span of time in a few characters: `850 ms`, `12 s`, `3 m 05 s`, `2 h 10 m`, `4 d`. */
export function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (ms < 1_000) return `${String(Math.max(0, Math.round(ms)))} ms`;
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3_600) return `${String(Math.floor(seconds / 60))} m ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3_600))} h ${two(Math.floor(seconds / 60) % 60)} m`;
  return `${String(Math.floor(seconds / 86_400))} d`;
}

/** Formats how long ago something was. Less than a second is `just now`, because changing milliseconds cannot be read. */
export function formatSince(ms: number): string {
  return ms < 1_000 ? 'just now' : `${formatSpan(ms)} ago`;
}

/** The zone in which times are shown: that of the browser, or UTC. */
export type Zone = 'local' | 'utc';

/** Wall time with milliseconds, `14:03:07.120`. */
export function formatClock(ms: number, zone: Zone): string {
  return `${formatSecond(ms, zone)}.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
}

/** Wall time, `14:03:07`. */
export function formatSecond(ms: number, zone: Zone): string {
  return isoIn(ms, zone).slice(11, 19);
}

/** The day, `2026-03-30`. */
function formatDay(ms: number, zone: Zone): string {
  return isoIn(ms, zone).slice(0, 10);
}

/** Wall time, with the day if it is not the same as at another time. */
export function formatMoment(ms: number, nowMs: number, zone: Zone): string {
  const day = formatDay(ms, zone);
  return day === formatDay(nowMs, zone) ? formatSecond(ms, zone) : `${day} ${formatSecond(ms, zone)}`;
}

/** The zone's offset from UTC at a time: `UTC`, `UTC+2`, `UTC-3:30`. */
export function formatZone(ms: number, zone: Zone): string {
  const minutes = zone === 'utc' ? 0 : -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? '-' : '+'}${String(hours)}${rest === 0 ? '' : `:${two(rest)}`}`;
}

const MAX_DATE_MS = 8_640_000_000_000_000 - 86_400_000;

function isoIn(ms: number, zone: Zone): string {
  const atMs = Math.max(0, Math.min(MAX_DATE_MS, ms));
  const offsetMs = zone === 'utc' ? 0 : new Date(atMs).getTimezoneOffset() * 60_000;
  // A year beyond 9999 begins with a sign and has six digits.
  return new Date(atMs - offsetMs).toISOString().replace(/^\+/, '').slice(-24);
}

/** A delay of delivery, `< 1 ms`, `12 ms`, `1.2 s`. The stamps that it comes from are whole milliseconds, so no digits follow. */
export function formatLag(ms: number): string {
  if (ms < 1) return '< 1 ms';
  return ms < 1_000 ? `${String(Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${String(bytes)} B`;
  if (bytes < 1_048_576) return `${(bytes / 1_024).toFixed(1)} KB`;
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

/** Formats `12,345` in every locale, as in code and logs. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const two = (n: number): string => String(n).padStart(2, '0');

/** @param skewMs how far the server's clock is ahead of the browser's */
export const skewWords = (skewMs: number): string =>
  `The server's clock is ${formatSpan(Math.round(Math.abs(skewMs) / 1_000) * 1_000)} ${skewMs < 0 ? 'behind' : 'ahead of'} this browser's. All times here are the server's.`;
