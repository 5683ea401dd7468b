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

/** Local wall time with milliseconds, `14:03:07.120`. */
export function formatClock(ms: number): string {
  const date = new Date(ms);
  return `${formatSecond(ms)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Local wall time, `14:03:07`. */
export function formatSecond(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

/** A delay of delivery, `0.4 ms`, `12 ms`, `1.2 s`. */
export function formatLag(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
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
