import type { Colors } from 'picocolors/types.js';
import { printable } from './printable.js';

/** A column of a table: its head, and its cell for an item. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (item: T) => unknown;
}

const GAP = '  ';

/** Lines of a table, columns as wide as their widest cell. Cells come from records: what a terminal obeys is left out. */
export function table<T>(columns: readonly Column<T>[], items: readonly T[], colours: Colors): string[] {
  const rows = items.map((item) => columns.map(({ cell }) => shown(cell(item))));
  const widths = columns.map(({ head }, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(GAP)
      .trimEnd();
  return [colours.dim(line(columns.map(({ head }) => head))), ...rows.map(line)];
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map(printable).join(', ') : value === undefined ? '' : printable(value);
