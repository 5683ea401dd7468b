import { paint, TerminalText } from '../terminal/terminal-text.js';
import { rowLines } from './top-screen.js';
import type { TopSection } from './top-sections.js';

export interface TopLayout {
  readonly lines: TerminalText[];
  /** The first visible row of each section. */
  readonly from: readonly number[];
  /** How many rows of the section with the focus are visible. */
  readonly page: number;
}

interface Wanted {
  /** How many rows each section has without a query. */
  readonly totals: readonly number[];
  /** The section with the focus. */
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
/** Columns are as wide as these rows above and below the visible ones want them: not all of ten thousand rows are measured twice a second. */
const MEASURED_AROUND = 50;
/** The line above the rows of a section. */
const HEAD = 1;
/** In a window with room each section has this many rows at least. */
const MIN_ROWS = 2;

/** Lays the sections out in the rows of a window. */
export function topLayout(sections: readonly TopSection[], wanted: Wanted): TopLayout {
  const { focus, selected, columns, room, totals } = wanted;
  const spacious = spaciousShares(sections, focus, room);
  const shares = spacious ?? denseShares(sections, focus, room);
  const isTitled = spacious ? () => true : titlesThatFit(sections, focus, room);
  const from = sections.map(({ rows }, i) => {
    const share = shares[i]!;
    const before = Math.max(0, Math.min(wanted.from[i] ?? 0, rows.length - share));
    return i === focus ? Math.max(Math.min(before, selected), selected - share + 1, 0) : before;
  });
  const lines: TerminalText[] = [];
  sections.forEach((section, i) => {
    const [share, begin] = [shares[i]!, from[i]!];
    if (spacious && i > 0) lines.push(TerminalText.of(''));
    if (!isTitled(i)) return;
    const title = TerminalText.of(titleOf(section, totals[i]!, begin, share)).cut(columns);
    lines.push(share > 0 || i === focus || spacious ? paint.bold(title) : paint.dim(title));
    if (share === 0) return;
    const first = Math.max(0, begin - MEASURED_AROUND);
    const around = section.rows.slice(first, begin + share + MEASURED_AROUND);
    const [head, ...rows] = rowLines({ ...section, rows: around }, columns - GUTTER);
    lines.push(TerminalText.join([' ', head!]));
    rows.slice(begin - first, begin - first + share).forEach((row, at) => {
      const isSelected = i === focus && begin + at === selected;
      lines.push(isSelected ? paint.inverse(TerminalText.join(['>', row.plain])) : TerminalText.join([' ', row]));
    });
  });
  return { lines, from, page: shares[focus] ?? 0 };
}

/** `AGENTS (300)`; `AGENTS (300, 12–40)` where only some rows fit; `AGENTS (3 of 300)` where a query leaves some out. */
function titleOf({ title, rows }: TopSection, total: number, from: number, share: number): string {
  const count = rows.length === total ? String(total) : `${String(rows.length)} of ${String(total)}`;
  const part =
    share > 0 && share < rows.length ? `, ${String(from + 1)}–${String(Math.min(rows.length, from + share))}` : '';
  return `${title} (${count}${part})`;
}

/**
 * The rows that each section gets, with a blank line between sections: what it wants, or an even share of what smaller ones leave; the one
 * with the focus up to half of all. `undefined` if the window has no room for that.
 */
function spaciousShares(sections: readonly TopSection[], focus: number, room: number): number[] | undefined {
  const heads = sections.reduce((sum, { rows }) => sum + (rows.length > 0 ? 3 : 2), -1);
  const left = room - heads;
  const wanted = sections.map(({ rows }) => rows.length);
  if (left < wanted.reduce((sum, rows) => sum + Math.min(rows, MIN_ROWS), 0)) return undefined;
  const even = shareOut(wanted, left);
  const first = Math.min(wanted[focus] ?? 0, Math.max(even[focus] ?? 0, Math.floor(left / 2)));
  const others = shareOut(
    wanted.map((rows, i) => (i === focus ? 0 : rows)),
    left - first,
  );
  return others.map((share, i) => (i === focus ? first : share));
}

/** In a window that has no room for all titles and a row, the section with the focus has all of it. */
function titlesThatFit(sections: readonly TopSection[], focus: number, room: number): (section: number) => boolean {
  const fits = room >= sections.length + HEAD + 1;
  return (i) => fits || i === focus;
}

/** The section with the focus gets what it wants, then the others from the top, as long as there is room. Their titles stay. */
function denseShares(sections: readonly TopSection[], focus: number, room: number): number[] {
  const isTitled = titlesThatFit(sections, focus, room);
  let left = room - sections.filter((_, i) => isTitled(i)).length;
  const shares = sections.map(() => 0);
  for (const i of [focus, ...sections.keys()]) {
    if (shares[i] !== 0 || left < HEAD + 1 || !isTitled(i)) continue;
    shares[i] = Math.min(sections[i]!.rows.length, left - HEAD);
    if (shares[i] > 0) left -= shares[i] + HEAD;
  }
  return shares;
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
