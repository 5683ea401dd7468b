import type { Colors } from 'picocolors/types.js';
import { printable } from './printable.js';

/** A column of a table: its head, and its cell for an item. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (item: T) => unknown;
}

const GAP = '  ';

/** Lines of a table, columns as wide as their widest cell; the first line is the head. */
export function plainTable<T>(columns: readonly Column<T>[], items: readonly T[]): string[] {
  const rows = [columns.map(({ head }) => head), ...items.map((item) => columns.map(({ cell }) => shown(cell(item))))];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(GAP)
      .trimEnd(),
  );
}

export function table<T>(columns: readonly Column<T>[], items: readonly T[], colours: Colors): string[] {
  const [head = '', ...rows] = plainTable(columns, items);
  return [colours.dim(head), ...rows];
}

/** Cells come from records: what a terminal would obey is left out. */
const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map(printable).join(', ') : value === undefined ? '' : printable(value);
