import { paint, TerminalText, type Text } from './terminal-text.js';

/** How a column gives way in a narrow window. */
export interface ColumnFit {
  /** How narrow the column may become; its cells are then cut. @default {@link MIN_COLUMN} */
  readonly min?: number;
  /** Columns with the highest number are left out first, where not all of them fit. @default never left out */
  readonly leaveOut?: number;
}

/** A column of a table: its head, and its cell for each item. */
export interface Column<T> extends ColumnFit {
  readonly head: string;
  readonly cell: (item: T) => unknown;
}

const GAP = '  ';
/** A column becomes no narrower than this by default. */
const MIN_COLUMN = 10;
/** A column is padded to this width at least, and to twice the width of its middle cell: one long cell must not move all the others. */
const MIN_PADDING = 24;

/**
 * The lines of a table; the first is the head.
 * @param width of the window: the cells of the widest columns are cut to fit. Without it nothing is cut, and a cell that is much longer
 * than the others of its column moves only its own row.
 */
export function plainTable<T>(columns: readonly Column<T>[], items: readonly T[], width = Infinity): TerminalText[] {
  const heads = columns.map(({ head }) => TerminalText.of(head));
  const rows = items.map((item) => columns.map(({ cell }) => TerminalText.of(cellText(cell(item)))));
  return layOut(columns, [heads, ...rows], width);
}

export function table<T>(columns: readonly Column<T>[], items: readonly T[], width = Infinity): Text[] {
  const [head = '', ...rows] = plainTable(columns, items, width);
  return [paint.dim(head), ...rows];
}

/** Lays rows of cells out in columns. */
function layOut(
  columns: readonly ColumnFit[],
  rows: readonly (readonly TerminalText[])[],
  width: number,
): TerminalText[] {
  if (width === Infinity) {
    const paddings = columns.map((_, i) => padding(rows.map((row) => row[i]!.width)));
    return rows.map((row) => joined(row.map((cell, i) => cell.padEnd(paddings[i]!))));
  }
  const wanted = columns.map((_, i) => rows.reduce((widest, row) => Math.max(widest, row[i]!.width), 0));
  const kept = keptColumns(columns, wanted, width);
  const widths = shrunk(
    kept.map((i) => ({ wanted: wanted[i]!, min: minOf(columns[i]!, wanted[i]!) })),
    width - GAP.length * (kept.length - 1),
  );
  return rows.map((row) => joined(kept.map((i, at) => row[i]!.cut(widths[at]!).padEnd(widths[at]!))).cut(width));
}

const joined = (cells: readonly TerminalText[]): TerminalText => TerminalText.join(cells, GAP).trimEnd();

const minOf = ({ min = MIN_COLUMN }: ColumnFit, wanted: number): number => Math.min(wanted, min);

function padding(widths: readonly number[]): number {
  const sorted = [...widths].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return Math.min(sorted.at(-1) ?? 0, Math.max(MIN_PADDING, 2 * middle));
}

/** The columns that fit, each at its narrowest. */
function keptColumns(columns: readonly ColumnFit[], wanted: readonly number[], width: number): number[] {
  let kept = columns.map((_, i) => i);
  const needed = (): number =>
    kept.reduce((sum, i) => sum + minOf(columns[i]!, wanted[i]!), GAP.length * (kept.length - 1));
  while (needed() > width) {
    const rank = Math.max(...kept.map((i) => columns[i]!.leaveOut ?? 0));
    if (rank === 0) break;
    const last = kept.findLast((i) => columns[i]!.leaveOut === rank);
    kept = kept.filter((i) => i !== last);
  }
  return kept;
}

/** Divides the width: each column gets what it wants, or an even share of what narrower columns leave, but not less than it needs. */
function shrunk(columns: readonly { readonly wanted: number; readonly min: number }[], width: number): number[] {
  const widths = columns.map(({ min }) => min);
  let left = width - widths.reduce((sum, one) => sum + one, 0);
  const order = columns.map((_, i) => i).sort((a, b) => columns[a]!.wanted - columns[b]!.wanted);
  for (const [done, i] of order.entries()) {
    if (left <= 0) break;
    const more = Math.min(columns[i]!.wanted - widths[i]!, Math.ceil(left / (order.length - done)));
    widths[i] = widths[i]! + more;
    left -= more;
  }
  return widths;
}

export const cellText = (value: unknown): string =>
  Array.isArray(value) ? value.map(asText).join(', ') : asText(value);

/** A value from a record, which may have any type, as a text. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
