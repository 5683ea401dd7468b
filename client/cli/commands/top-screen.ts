import type { Query } from '../../../protocol/index.js';
import { counted } from '../terminal/counted.js';
import { plainTable } from '../terminal/table.js';
import { styledTime, type TimeStyle } from '../terminal/time-text.js';
import { paint, TerminalText } from '../terminal/terminal-text.js';
import type { TopRow, TopSection } from './top-sections.js';
import { topSections } from './top-tables.js';
import type { TopState } from './top-state.js';

/** What the title shows besides counts: where the state comes from, and the time there. */
export interface TopHead {
  readonly label: string;
  /** The server's clock, Unix milliseconds. */
  readonly now: number;
  /** Empty while the connection is live. */
  readonly trouble: string;
}

/** The tables as they are printed once. @param columns the width that they may have @param query which rows are printed */
export function topScreen(
  state: TopState,
  head: TopHead,
  columns = Infinity,
  query?: Query,
  time: TimeStyle = 'utc',
): TerminalText[] {
  const lines: TerminalText[] = [paint.bold(TerminalText.of(topTitle(state, head, time)).cut(columns))];
  let isEmpty = true;
  for (const section of topSections(state, head.now)) {
    const rows = section.rows.filter((row) => query === undefined || isMatch(row, query));
    lines.push(TerminalText.of(''), paint.bold(TerminalText.of(countedTitle(section, rows.length)).cut(columns)));
    if (rows.length > 0) lines.push(...rowLines({ ...section, rows }, columns));
    isEmpty &&= section.rows.length === 0;
  }
  if (isEmpty) lines.push(TerminalText.of(''), paint.dim(TerminalText.of(emptyTop(state)).cut(columns)));
  return lines;
}

/** What is said where every table is empty. */
export const emptyTop = ({ past }: TopState): string =>
  past > 0
    ? 'All work here ended more than an hour ago.'
    : 'Nothing yet. Agents appear here as soon as they reserve something.';

/** What does not fit is cut at the end, so the most important comes first. */
export function topTitle(
  { agents, leases, waits, past }: TopState,
  { label, now, trouble }: TopHead,
  time: TimeStyle,
): string {
  const counts = [
    counted(agents.length, 'agent'),
    counted(leases.length, 'lease'),
    ...(waits.length === 0 ? [] : [counted(waits.length, 'wait')]),
    ...(past === 0 ? [] : [`${String(past)} past`]),
  ];
  return ['muse-bus top', trouble, counts.join(', '), timeOfDay(now, time), `(${label})`]
    .filter((part) => part !== '')
    .join('  ');
}

/** Without the zone where it is that of the person. */
const timeOfDay = (now: number, time: TimeStyle): string =>
  time === 'local' ? styledTime(now, 'local', now).slice(11, 19) : `${new Date(now).toISOString().slice(11, 19)}Z`;

/** `AGENTS (12)`, or `AGENTS (3 of 12)` where a query leaves some out. */
const countedTitle = ({ title, rows }: TopSection, shown: number): string =>
  `${title} (${shown === rows.length ? '' : `${String(shown)} of `}${String(rows.length)})`;

const isMatch = ({ subjects }: TopRow, query: Query): boolean =>
  subjects.some((subject) => query.matchesRecord(subject));

/** The head of a section and its rows. */
export function rowLines({ columns, rows }: TopSection, width: number): TerminalText[] {
  const [head = TerminalText.of(''), ...lines] = plainTable(columns, rows, width);
  return [
    paint.dim(head),
    ...lines.map((line, i) => {
      const style = rows[i]!.style;
      return style === undefined ? line : line.styled(style);
    }),
  ];
}
