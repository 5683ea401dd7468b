import { paint, TerminalText } from '../terminal/terminal-text.js';
import { rowLines } from './top-screen.js';
import type { TopSection } from './top-sections.js';

export interface TopLayout {
  readonly lines: TerminalText[];
  /** The first visible row of each section. */
  readonly from: readonly number[];
  /** How many rows of the section with the cursor are visible. */
  readonly page: number;
}

interface Wanted {
  /** How many rows each section has without a query. */
  readonly totals: readonly number[];
  /** The section with the cursor. */
  readonly focus: number;
  /** The selected row in it. */
  readonly selected: number;
  /** The first visible row of each section, as it was drawn before. */
  readonly from: readonly number[];
  readonly columns: number;
  readonly room: number;
}

/** Before each row: `>` marks the selected one, for colours alone would not show it everywhere. */
const GUTTER = 1;
/** Each section gets this many rows at least, or only the one with the cursor is open. */
const FEWEST_ROWS = 2;

/** Lays the sections out in the rows of a window. */
export function topLayout(sections: readonly TopSection[], wanted: Wanted): TopLayout {
  const { focus, selected, columns, room, totals } = wanted;
  const shares = sharesOf(sections, focus, room);
  const isOpen = shares.length > 0;
  const from = sections.map(({ rows }, i) => {
    const share = isOpen ? shares[i]! : i === focus ? Math.max(0, room - sections.length - 1) : 0;
    const before = Math.max(0, Math.min(wanted.from[i] ?? 0, rows.length - share));
    return i === focus ? Math.max(Math.min(before, selected), selected - share + 1, 0) : before;
  });
  const page = isOpen ? (shares[focus] ?? 0) : Math.max(0, room - sections.length - 1);
  const lines: TerminalText[] = [];
  sections.forEach((section, i) => {
    const share = isOpen ? shares[i]! : i === focus ? page : 0;
    if (isOpen && i > 0) lines.push(TerminalText.of(''));
    const title = paint.bold(TerminalText.of(titleOf(section, totals[i]!, from[i]!, share)).cut(columns));
    lines.push(i === focus || isOpen ? title : paint.dim(title));
    if (section.rows.length === 0 || (!isOpen && i !== focus)) return;
    const [head, ...rows] = rowLines(section, columns - GUTTER);
    lines.push(TerminalText.join([' ', head!]));
    rows.slice(from[i], from[i]! + share).forEach((row, at) => {
      const isSelected = i === focus && from[i]! + at === selected;
      lines.push(isSelected ? paint.inverse(TerminalText.join(['>', row.plain])) : TerminalText.join([' ', row]));
    });
  });
  return { lines, from, page };
}

/** `AGENTS (300)`; `AGENTS (300, 12–40)` where only some rows fit; `AGENTS (3 of 300)` where a query leaves some out. */
function titleOf({ title, rows }: TopSection, total: number, from: number, share: number): string {
  const count = rows.length === total ? String(total) : `${String(rows.length)} of ${String(total)}`;
  const part =
    share > 0 && share < rows.length ? `, ${String(from + 1)}–${String(Math.min(rows.length, from + share))}` : '';
  return `${title} (${count}${part})`;
}

/**
 * The rows that each section gets: what it wants, or an even share of what smaller ones leave; the one with the cursor up to half of all.
 * Empty if the window has no room for all sections.
 */
function sharesOf(sections: readonly TopSection[], focus: number, room: number): number[] {
  const heads = sections.reduce((sum, { rows }) => sum + (rows.length > 0 ? 3 : 2), -1);
  const left = room - heads;
  const wanted = sections.map(({ rows }) => rows.length);
  if (left < wanted.reduce((sum, rows) => sum + Math.min(rows, FEWEST_ROWS), 0)) return [];
  const even = shareOut(wanted, left);
  const first = Math.min(wanted[focus] ?? 0, Math.max(even[focus] ?? 0, Math.floor(left / 2)));
  const others = shareOut(
    wanted.map((rows, i) => (i === focus ? 0 : rows)),
    left - first,
  );
  return others.map((share, i) => (i === focus ? first : share));
}

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
