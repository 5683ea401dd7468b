import { Option, type Command } from 'commander';
import { parseTimestamp } from '../../../protocol/index.js';
import { asTyped, CliError } from '../cli-error.js';
import { withChoices } from './help.js';

const TIMES = ['local', 'utc', 'relative'] as const;
/** How a person wants to read times. */
export type TimeStyle = (typeof TIMES)[number];

export interface TimeFlags {
  readonly time?: string;
}

export function withTime(command: Command, fallback: string): Command {
  return command.addOption(
    withChoices(new Option('--time <style>', `how to print times, except in JSON (default: ${fallback})`), TIMES),
  );
}

/** @throws CliError for an unknown style. */
export function readTime({ time }: TimeFlags): TimeStyle | undefined {
  const known = TIMES.find((one) => one === time);
  if (time === undefined || known !== undefined) return known;
  throw new CliError(`--time must be one of ${TIMES.join(', ')}, got ${asTyped(time)}`);
}

/** Returns a time of a record in a style; a text that is no time, and any text without a style, unchanged. @param now Unix milliseconds */
export function timeText(value: unknown, style: TimeStyle | undefined, now: number): unknown {
  const at = style === undefined ? undefined : parseTimestamp(value);
  return at === undefined ? value : styledTime(at, style!, now);
}

/** @param at Unix milliseconds @param now Unix milliseconds */
export function styledTime(at: number, style: TimeStyle, now: number): string {
  switch (style) {
    case 'utc':
      return new Date(at).toISOString().replace('.000Z', 'Z');
    case 'local':
      return localTime(new Date(at));
    case 'relative':
      return at >= now ? `in ${duration(at - now)}` : `${duration(now - at)} ago`;
  }
}

/** `2026-03-30 17:00:00+02:00`: the zone is said, because the reader of a log may be elsewhere. */
function localTime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const size = Math.abs(offset);
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  const day = `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const ms = date.getMilliseconds();
  const fraction = ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${fraction}${zone}`;
}

/** Returns a duration in at most two units, of which seconds are the smallest: `2d 3h`, `4m 12s`, `9s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 60) return `${String(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)}m ${String(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${String(hours)}h ${String(minutes % 60)}m`;
  return `${String(Math.floor(hours / 24))}d ${String(hours % 24)}h`;
}
