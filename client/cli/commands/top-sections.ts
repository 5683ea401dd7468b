import { parseTimestamp, type Query, type QuerySubject } from '../../../protocol/index.js';
import { duration, styledTime, type TimeStyle } from '../terminal/time-text.js';
import { cellText, type Column } from '../terminal/table.js';
import type { Style } from '../terminal/terminal-text.js';

/** The orders in which rows may be shown. `usual`: what needs attention first. */
export const SORTS = ['usual', 'run', 'ends', 'seen'] as const;
export type Sort = (typeof SORTS)[number];

/** One row of a table. */
export interface TopRow {
  /** Stays the same as time passes. */
  readonly key: string;
  /** A cell for each column of its section. */
  readonly cells: readonly string[];
  readonly style: Style | undefined;
  /** What a query is asked about: the row matches if one of them does. */
  readonly subjects: readonly QuerySubject[];
  /** Everything that is known of it, for the lines of details. */
  readonly details: () => readonly string[];
  readonly run: string;
  /** Unix milliseconds; `undefined` if it does not end, or was not seen. */
  readonly endsMs: number | undefined;
  readonly seenMs: number | undefined;
}

export interface TopSection {
  readonly title: string;
  readonly columns: readonly Column<TopRow>[];
  readonly rows: readonly TopRow[];
  /** Shown even if it has no row. */
  readonly isUsual: boolean;
}

/** The rows that match a query, in an order. */
export function arranged(
  rows: readonly TopRow[],
  query: Query | undefined,
  sort: Sort,
  isReversed: boolean,
): readonly TopRow[] {
  const kept =
    query === undefined
      ? rows
      : rows.filter(({ subjects }) => subjects.some((subject) => query.matchesRecord(subject)));
  const ordered = sort === 'usual' ? kept : kept.toSorted(COMPARE[sort]);
  return isReversed ? ordered.toReversed() : ordered;
}

const COMPARE: Readonly<Record<Exclude<Sort, 'usual'>, (a: TopRow, b: TopRow) => number>> = {
  run: (a, b) => (a.run < b.run ? -1 : a.run > b.run ? 1 : 0),
  ends: (a, b) => (a.endsMs ?? Infinity) - (b.endsMs ?? Infinity) || 0,
  seen: (a, b) => (b.seenMs ?? -Infinity) - (a.seenMs ?? -Infinity) || 0,
};

/** How the tables say times. */
export class TopTimes {
  constructor(
    readonly now: number,
    private readonly style: TimeStyle,
  ) {}

  left(iso: string | null): string {
    const at = millis(iso);
    return at === undefined ? '' : duration(at - this.now);
  }

  ago(iso: string | null): string {
    const at = millis(iso);
    return at === undefined ? '' : `${duration(this.now - at)} ago`;
  }

  since(iso: string | null): string {
    const at = millis(iso);
    return at === undefined ? '?' : duration(this.now - at);
  }

  /** The time, and how far away it is. */
  both(iso: string | null): string {
    const at = millis(iso);
    if (at === undefined) return 'unknown';
    const relative = styledTime(at, 'relative', this.now);
    return this.style === 'relative' ? relative : `${styledTime(at, this.style, this.now)} (${relative})`;
  }
}

/** Unix milliseconds. */
export const millis = (iso: string | null): number | undefined => parseTimestamp(iso);

type Make<T> = readonly (readonly [head: string, cell: (item: T) => unknown, leaveOut?: number, min?: number])[];

/** Makes a section from its items. */
export function section<T>(
  title: string,
  isUsual: boolean,
  columns: Make<T>,
  items: readonly T[],
  rowOf: (item: T) => Omit<TopRow, 'cells' | 'endsMs' | 'seenMs'> & Partial<Pick<TopRow, 'endsMs' | 'seenMs'>>,
): TopSection {
  return {
    title,
    isUsual,
    columns: columns.map(([head, , leaveOut, min], i) => ({
      head,
      cell: ({ cells }) => cells[i],
      ...(leaveOut === undefined ? {} : { leaveOut }),
      ...(min === undefined ? {} : { min }),
    })),
    rows: items.map((item) => ({
      endsMs: undefined,
      seenMs: undefined,
      ...rowOf(item),
      cells: columns.map(([, cell]) => cellText(cell(item))),
    })),
  };
}
