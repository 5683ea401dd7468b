import type { Colors } from 'picocolors/types.js';
import type { Holder } from '../lease-view.js';
import { duration, timeLeft } from './holders.js';
import { plainTable, type Column } from './table.js';
import type { AgentRow, ContentionRow, TopState } from './top-state.js';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Beside what stands: where it comes from, and what time it is there. */
export interface TopHead {
  readonly label: string;
  /** The server's clock, Unix milliseconds. */
  readonly now: number;
  /** Empty while the connection is live. */
  readonly trouble: string;
}

/** A lease that ends sooner is shown as urgent. */
const SOON_MS = 10_000;

interface Section {
  readonly title: string;
  readonly head: string;
  readonly rows: readonly { readonly text: string; readonly paint: (text: string) => string }[];
}

/** The lines of the screen. @param size what there is room for; without it everything is shown. */
export function topScreen(state: TopState, head: TopHead, colours: Colors, size?: ScreenSize): string[] {
  const fit = (text: string): string => (size ? text.slice(0, size.columns) : text);
  const sections = [contention(state, colours), agents(state, head.now, colours), leases(state, head.now, colours)];
  const shares = shareOut(
    sections.map(({ rows }) => rows.length),
    size ? size.rows - 2 - 3 * sections.length : Infinity,
  );
  const lines = [colours.bold(fit(title(state, head)))];
  for (const [i, { title, head, rows }] of sections.entries()) {
    const left = rows.length - shares[i]!;
    const more = left > 0 ? `, ${String(left)} more` : '';
    lines.push('', colours.bold(fit(`${title} (${String(rows.length)}${more})`)));
    if (rows.length > 0) lines.push(colours.dim(fit(head)));
    lines.push(...rows.slice(0, shares[i]).map(({ text, paint }) => paint(fit(text))));
  }
  return size ? lines.slice(0, size.rows) : lines;
}

function title({ agents, leases }: TopState, { label, now, trouble }: TopHead): string {
  const time = new Date(now).toISOString().slice(11, 19);
  const counts = `${String(agents.length)} agents, ${String(leases.length)} leases`;
  return `muse-bus top  ${time}Z  ${counts}  (${label})${trouble === '' ? '' : `  ${trouble}`}`;
}

/** What each asks for, or an even share of what is left by those that ask for less. */
function shareOut(wanted: readonly number[], room: number): number[] {
  const shares = wanted.map(() => 0);
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  let left = Math.max(0, room);
  for (const [done, i] of order.entries()) {
    shares[i] = Math.min(wanted[i]!, Math.floor(left / (order.length - done)));
    left -= shares[i];
  }
  return shares;
}

function section<T>(
  title: string,
  columns: readonly Column<T>[],
  items: readonly T[],
  paint: (item: T) => (text: string) => string,
): Section {
  const [head = '', ...rows] = plainTable(columns, items);
  return { title, head, rows: rows.map((text, i) => ({ text, paint: paint(items[i]!) })) };
}

const asIs = (text: string): string => text;

function contention({ contention }: TopState, colours: Colors): Section {
  const columns: readonly Column<ContentionRow>[] = [
    { head: 'ADDRESS', cell: ({ address }) => address },
    { head: 'HELD BY', cell: ({ holders }) => holders },
    { head: 'WANTED BY', cell: ({ wanted }) => wanted },
  ];
  return section('CONTENTION', columns, contention, ({ holders }) =>
    holders.length > 1 ? colours.red : colours.yellow,
  );
}

function agents({ agents }: TopState, now: number, colours: Colors): Section {
  const columns: readonly Column<AgentRow>[] = [
    { head: 'RUN', cell: ({ run }) => run },
    { head: 'BRANCH', cell: ({ branch }) => branch },
    { head: 'STATE', cell: ({ state }) => state },
    { head: 'LEASES', cell: ({ leases }) => String(leases) },
    { head: 'SYMBOLS', cell: ({ addresses }) => String(addresses) },
    { head: 'ENDS IN', cell: ({ endsAt }) => (endsAt === undefined ? '' : duration(endsAt - now)) },
    { head: 'SEEN', cell: ({ seenAt }) => (seenAt === undefined ? '' : `${duration(now - seenAt)} ago`) },
    { head: 'DOING', cell: ({ doing }) => doing },
  ];
  const paints = { holding: asIs, lapsed: colours.magenta, idle: colours.dim } as const;
  return section('AGENTS', columns, agents, ({ state }) => paints[state]);
}

function leases({ leases }: TopState, now: number, colours: Colors): Section {
  const columns: readonly Column<Holder>[] = [
    { head: 'ENDS IN', cell: ({ expires_at }) => timeLeft(expires_at, now) },
    { head: 'RUN', cell: ({ run_id }) => run_id },
    { head: 'BRANCH', cell: ({ branch }) => branch },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses },
  ];
  const isSoon = ({ expires_at }: Holder): boolean =>
    expires_at !== undefined && Date.parse(expires_at) - now < SOON_MS;
  return section('LEASES', columns, leases, (lease) => (isSoon(lease) ? colours.yellow : asIs));
}
