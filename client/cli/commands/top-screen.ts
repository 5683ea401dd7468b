import type { Holder } from '../../sdk/holders.js';
import { timeLeft } from './holders.js';
import { duration } from '../terminal/time-text.js';
import { plainTable, type Column } from '../terminal/table.js';
import { paint, TerminalText, type Style, type Text } from '../terminal/terminal-text.js';
import type { AgentRow, ContentionRow, ProblemRow, QueueRow, TopState } from './top-state.js';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the title shows besides counts: where the state comes from, and the time there. */
export interface TopHead {
  readonly label: string;
  /** The server's clock, Unix milliseconds. */
  readonly now: number;
  /** Empty while the connection is live. */
  readonly trouble: string;
}

/** A lease that ends within this time is highlighted. */
const SOON_MS = 10_000;

interface Section {
  readonly title: string;
  readonly head: Text;
  readonly rows: readonly TerminalText[];
}

/** The lines of the screen. @param size the size of the terminal; without it everything is shown. */
export function topScreen(state: TopState, head: TopHead, size?: ScreenSize): TerminalText[] {
  const fit = (text: Text): TerminalText => (size ? TerminalText.of(text).fit(size.columns) : TerminalText.of(text));
  const width = size?.columns ?? Infinity;
  // The queue and the problems are shown only if there are any.
  const sections = [
    contention(state, width),
    agents(state, head.now, width),
    leases(state, head.now, width),
    ...(state.queue.length === 0 ? [] : [queue(state, width)]),
    ...(state.problems.length === 0 ? [] : [problems(state, width)]),
  ];
  const shares = shareOut(
    sections.map(({ rows }) => rows.length),
    size ? size.rows - 2 - 3 * sections.length : Infinity,
  );
  const lines = [paint.bold(fit(title(state, head)))];
  for (const [i, { title, head, rows }] of sections.entries()) {
    const left = rows.length - shares[i]!;
    const more = left > 0 ? `, ${String(left)} more` : '';
    lines.push(TerminalText.of(''), paint.bold(fit(`${title} (${String(rows.length)}${more})`)));
    if (rows.length > 0) lines.push(paint.dim(fit(head)));
    lines.push(...rows.slice(0, shares[i]).map(fit));
  }
  return size ? lines.slice(0, size.rows) : lines;
}

function title({ agents, leases, past }: TopState, { label, now, trouble }: TopHead): string {
  const time = new Date(now).toISOString().slice(11, 19);
  const counts = `${counted(agents.length, 'agent')}, ${counted(leases.length, 'lease')}${past > 0 ? `, ${String(past)} past` : ''}`;
  return `muse-bus top  ${time}Z  ${counts}  (${label})${trouble === '' ? '' : `  ${trouble}`}`;
}

const counted = (count: number, noun: string): string => `${String(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Divides the rows: each section gets what it wants, or an even share of what smaller sections leave. */
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
  width: number,
  style: (item: T) => Style | undefined = () => undefined,
): Section {
  const [head = '', ...rows] = plainTable(columns, items, width);
  return { title, head, rows: rows.map((text, i) => styledRow(text, style(items[i]!))) };
}

const styledRow = (row: TerminalText, style: Style | undefined): TerminalText =>
  style === undefined ? row : row.styled(style);

function contention({ contention }: TopState, width: number): Section {
  const columns: readonly Column<ContentionRow>[] = [
    { head: 'ADDRESS', cell: ({ address }) => address },
    { head: 'WHAT', cell: ({ what }) => what.replace('-', ' ') },
    { head: 'HELD BY', cell: ({ holders }) => holders },
    { head: 'WANTED BY', cell: ({ wanted }) => wanted },
  ];
  return section('CONTENTION', columns, contention, width, ({ what }) =>
    what === 'collision' || what === 'operation-conflict' ? 'red' : 'yellow',
  );
}

function agents({ agents }: TopState, now: number, width: number): Section {
  const columns: readonly Column<AgentRow>[] = [
    { head: 'RUN', cell: ({ run }) => run },
    { head: 'BRANCH', cell: ({ branch }) => branch, leaveOut: 2 },
    { head: 'STATE', cell: ({ state }) => state },
    { head: 'LEASES', cell: ({ leases }) => String(leases), leaveOut: 4 },
    { head: 'SYMBOLS', cell: ({ addresses }) => String(addresses), leaveOut: 5 },
    { head: 'ENDS IN', cell: ({ endsAt }) => (endsAt === undefined ? '' : duration(endsAt - now)) },
    { head: 'SEEN', cell: ({ seenAt }) => (seenAt === undefined ? '' : `${duration(now - seenAt)} ago`), leaveOut: 3 },
    { head: 'DOING', cell: ({ doing }) => doing, leaveOut: 1 },
  ];
  const styles = { holding: undefined, suspect: 'yellow', lapsed: 'magenta', idle: 'dim' } as const;
  return section('AGENTS', columns, agents, width, ({ state }) => styles[state]);
}

function leases({ leases }: TopState, now: number, width: number): Section {
  const columns: readonly Column<Holder>[] = [
    { head: 'ENDS IN', cell: (lease) => timeLeft(lease, now) },
    { head: 'RUN', cell: ({ run_id }) => run_id },
    { head: 'BRANCH', cell: ({ branch }) => branch, leaveOut: 2 },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses },
  ];
  const isSoon = ({ effective_expires_at: end }: Holder): boolean => end !== null && Date.parse(end) - now < SOON_MS;
  return section('LEASES', columns, leases, width, (lease) => (isSoon(lease) ? 'yellow' : undefined));
}

function queue({ queue }: TopState, width: number): Section {
  const columns: readonly Column<QueueRow>[] = [
    { head: 'TASK', cell: ({ task }) => task },
    {
      head: 'STATE',
      cell: ({ state, waits_for }) => (state === 'pending' && waits_for.length > 0 ? 'blocked' : state),
    },
    { head: 'PRIORITY', cell: ({ priority }) => (priority === undefined ? '' : String(priority)) },
    { head: 'QUEUE', cell: ({ queue }) => queue },
    { head: 'CLAIMED BY', cell: ({ claimed_by }) => claimed_by },
    { head: 'TITLE', cell: ({ title }) => title },
  ];
  return section('QUEUE', columns, queue, width, ({ state }) => (state === 'failed' ? 'red' : undefined));
}

function problems({ problems }: TopState, width: number): Section {
  const columns: readonly Column<ProblemRow>[] = [
    { head: 'RECORD', cell: ({ kind, id }) => `${kind} ${id}` },
    { head: 'WHAT IS WRONG', cell: ({ problems }) => problems.join('; ') },
  ];
  return section('PROBLEMS', columns, problems, width, () => 'yellow');
}
