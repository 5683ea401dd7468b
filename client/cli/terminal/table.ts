import { paint, TerminalText, type Text } from './terminal-text.js';

/** A column of a table: its head, and its cell for each item. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (item: T) => unknown;
}

const GAP = '  ';

/** The lines of a table; the first is the head. A column is as wide as its widest cell. */
export function plainTable<T>(columns: readonly Column<T>[], items: readonly T[]): TerminalText[] {
  const heads = columns.map(({ head }) => TerminalText.of(head));
  const rows = [heads, ...items.map((item) => columns.map(({ cell }) => TerminalText.of(cellText(cell(item)))))];
  const widths = columns.map((_, i) => rows.reduce((widest, row) => Math.max(widest, row[i]!.width), 0));
  return rows.map((row) =>
    TerminalText.join(
      row.map((cell, i) => cell.padEnd(widths[i]!)),
      GAP,
    ).trimEnd(),
  );
}

export function table<T>(columns: readonly Column<T>[], items: readonly T[]): Text[] {
  const [head = '', ...rows] = plainTable(columns, items);
  return [paint.dim(head), ...rows];
}

const cellText = (value: unknown): string => (Array.isArray(value) ? value.map(asText).join(', ') : asText(value));

/** A value from a record, which may have any type, as a text. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
