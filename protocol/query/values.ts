import { EVENT_TYPES, REASONS } from '../wire/event.js';
import { closestMatch } from '../closest-match.js';
import { kindFromName, KINDS } from '../records/kinds.js';
import { PROBLEMS } from '../records/problem.js';
import { parseTimestamp } from '../records/timestamp.js';
import { addressTexts, branchText, overlap, parseAddress, runText } from '../swarm/index.js';
import type { QueryField, QuerySubject, QueryTest } from './query.js';
import { QuerySyntaxError } from './words.js';

/** Makes the test of one value of a field. `at`: where the value begins in the query. @throws QuerySyntaxError */
type MakeTest = (value: string, at: number) => QueryTest;

export const FIELD_TESTS: Readonly<Record<QueryField, MakeTest>> = {
  kind: (value, at) => {
    if (value.includes('*')) return textTest(value, ({ kind }) => kind);
    const wanted = kindFromName(value) ?? refuseChoice('kind', value, KINDS, at);
    return ({ kind }) => kind === wanted;
  },
  type: (value, at) => {
    const wanted = EVENT_TYPES.find((type) => type === value) ?? refuseChoice('type', value, EVENT_TYPES, at);
    return ({ type }) => type === wanted;
  },
  run: (value) => textTest(value, ({ data }) => runText(data)),
  branch: (value) => textTest(value, ({ data }) => branchText(data)),
  addr: addressTest,
  id: (value) => textTest(value, ({ id }) => id),
  reason: (value, at) => {
    const wanted = REASONS.find((reason) => reason === value) ?? refuseChoice('reason', value, REASONS, at);
    return ({ reason }) => reason === wanted;
  },
  problem: (value, at) => {
    if (!/[*?]/.test(value) && !PROBLEMS.some((problem) => problem === value))
      refuseChoice('problem', value, PROBLEMS, at);
    return textTest(value, ({ problem }) => problem);
  },
  rev: (value, at) => numberTest(value, at, COUNT, ({ revision }) => revision),
  bytes: (value, at) => numberTest(value, at, SIZE, ({ bytes }) => bytes),
  lag: (value, at) => numberTest(value, at, SPAN, ({ lagMs }) => lagMs),
  since: (value, at) => {
    const time = readTime(value, at);
    return ({ atMs }, now) => atMs !== undefined && atMs >= time(now);
  },
  until: (value, at) => {
    const time = readTime(value, at);
    return ({ atMs }, now) => atMs !== undefined && atMs <= time(now);
  },
};

const MAX_SHOWN = 20;
const shown = (value: string): string => `“${value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value}”`;

function refuseChoice(field: string, value: string, choices: readonly string[], at: number): never {
  const best = closestMatch(value, choices);
  const hint = best === undefined ? '' : `, did you mean ${best}?`;
  throw new QuerySyntaxError(`no ${field} ${shown(value)}${hint} — there are ${choices.join(', ')}`, at);
}

// ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function textTest(pattern: string, read: (subject: QuerySubject) => unknown): QueryTest {
  const matches = starTest(pattern);
  return (subject) => {
    const text = read(subject);
    return typeof text === 'string' && matches(text);
  };
}

/** Returns a test in which `*` matches any text, `?` one character, and every other character itself. */
function starTest(pattern: string): (text: string) => boolean {
  return /[*?]/.test(pattern) ? (text) => matchesStars(pattern, text) : (text) => text === pattern;
}

/** Only the last star is ever tried again, so this takes at most pattern × text steps. */
function matchesStars(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length;) {
    if (pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** An address matches what it covers and what covers it, in the one model of addresses; with `*` it also matches as text. */
function addressTest(value: string): QueryTest {
  const matches = starTest(value);
  const parsed = parseAddress(value);
  return ({ data }) =>
    addressTexts(data).some((text) => matches(text) || (parsed.ok && overlapsText(parsed.address, text)));
}

function overlapsText(wanted: Parameters<typeof overlap>[0], text: string): boolean {
  const parsed = parseAddress(text);
  return parsed.ok && overlap(wanted, parsed.address);
}

// ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The units of a number, and examples of what can be written. */
interface Measure {
  readonly units: Readonly<Record<string, number>>;
  readonly examples: string;
}

const COUNT: Measure = { units: { '': 1 }, examples: '100, >100, <=100, 100..200' };
const SIZE: Measure = {
  units: { '': 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, kib: 1_024, mib: 1_048_576 },
  examples: '100, >1KB, <=2KiB, 1KB..2KB',
};
const SPAN: Measure = {
  units: { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 },
  examples: '>10 (milliseconds), >10ms, <=1s, 10ms..1s',
};

function numberTest(
  value: string,
  at: number,
  measure: Measure,
  read: (s: QuerySubject) => number | undefined,
): QueryTest {
  const test = rangeTest(value, at, measure);
  return (subject) => {
    const number = read(subject);
    return number !== undefined && test(number);
  };
}

function rangeTest(value: string, at: number, measure: Measure): (n: number) => boolean {
  const dots = value.indexOf('..');
  if (dots > 0 && dots + 2 < value.length) {
    const low = readNumber(value.slice(0, dots), at, measure);
    const high = readNumber(value.slice(dots + 2), at + dots + 2, measure);
    return (n) => n >= low && n <= high;
  }
  const sign = /^(?:>=|<=|>|<|=)?/.exec(value)![0];
  const limit = readNumber(value.slice(sign.length), at + sign.length, measure);
  switch (sign) {
    case '>':
      return (n) => n > limit;
    case '>=':
      return (n) => n >= limit;
    case '<':
      return (n) => n < limit;
    case '<=':
      return (n) => n <= limit;
    default:
      return (n) => n === limit;
  }
}

function readNumber(text: string, at: number, { units, examples }: Measure): number {
  const match = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text);
  if (!match) throw new QuerySyntaxError(`${shown(text)} is not a number; write ${examples}`, at);
  const unit = units[match[2]!.toLowerCase()];
  if (unit !== undefined) return Number(match[1]) * unit;
  const known = Object.keys(units).filter((name) => name !== '');
  const why = known.length === 0 ? 'this number has no unit' : `units are ${known.join(', ')}`;
  throw new QuerySyntaxError(`no unit ${shown(match[2]!)} here; ${why}`, at + match[1]!.length);
}

// ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };
const SPAN_FORM = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/i;

/** Reads a time: a span before now (`5m`, `1h30m`), a time of day in UTC (`14:30`), or a date and time. */
function readTime(text: string, at: number): (now: number) => number {
  if (SPAN_FORM.test(text)) {
    let span = 0;
    for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/gi))
      span += Number(number) * UNIT_MS[unit!.toLowerCase()]!;
    return (now) => now - span;
  }
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?Z?$/i.exec(text);
  if (clock) return timeOfDay(clock, text, at);
  const time = parseTimestamp(text);
  if (time !== undefined) return () => time;
  throw new QuerySyntaxError(`${shown(text)} is not a time; write 5m, 1h30m, 14:30 (UTC) or 2026-03-30T15:00Z`, at);
}

/** The last moment at which the clock showed this time in UTC. */
function timeOfDay([, hour, minute, second = '0']: RegExpExecArray, text: string, at: number): (now: number) => number {
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  if (h > 23 || m > 59 || s > 59) throw new QuerySyntaxError(`${shown(text)} is not a time of day`, at);
  const sinceMidnight = ((h * 60 + m) * 60 + s) * 1_000;
  return (now) => {
    const today = now - (now % DAY_MS) + sinceMidnight;
    return today > now ? today - DAY_MS : today;
  };
}
