import { signal } from '@preact/signals';
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { bindListKeys } from '../page/list-keys.js';
import { rows as wanted } from '../page/state.js';
import { onLayout } from '../page/paint-scheduler.js';
import type { Rows } from '../worker/paint.js';

/** The rows beyond the screen that are requested too, so that they are present when the user scrolls. */
const OVERSCAN = 24;

export interface VirtualListProps<Row> {
  readonly label: string;
  readonly list: Rows<Row>;
  /** Height of a row in rem. */
  readonly rowRem: number;
  readonly columns: number;
  readonly header?: ComponentChildren;
  readonly render: (row: Row, place: number) => ComponentChildren;
  readonly keyOf: (row: Row) => string | number;
  readonly isSelected: (row: Row) => boolean;
  readonly select: (row: Row) => void;
  /** Rows that the keys skip. */
  readonly skips?: (row: Row) => boolean;
  /** Keeps the last row visible. */
  readonly follow?: boolean;
  /** Called when the user scrolls away from the last row, or to it. */
  readonly onFollow?: (isAtEnd: boolean) => void;
  /** The number of rows removed at the beginning so far. The scroll position follows it. */
  readonly dropped?: number;
}

const readRemPixels = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Pixels in a rem, which grows with the window. */
const remPixels = signal(readRemPixels());
addEventListener('resize', () => (remPixels.value = readRemPixels()));

/** A long list. Only the visible rows have elements, and the worker sends only those. */
export function VirtualList<Row>(props: VirtualListProps<Row>) {
  const { list, rowRem, follow = false, dropped = 0 } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [, redraw] = useState(0);
  const height = Math.round(rowRem * remPixels.value);
  const virtualizer = useRef<Virtualizer<HTMLDivElement, Element>>(undefined);
  const options: VirtualizerOptions<HTMLDivElement, Element> = {
    count: list.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 2,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => {
      redraw((n) => n + 1);
    },
  };
  virtualizer.current ??= new Virtualizer(options);
  virtualizer.current.setOptions(options);
  useLayoutEffect(() => virtualizer.current!._didMount(), []);
  useLayoutEffect(() => {
    virtualizer.current!._willUpdate();
  });
  // Set the offset that the list will be scrolled to. At its old offset it would render rows that are never seen.
  const shown = virtualizer.current.scrollRect?.height;
  if (follow && shown !== undefined) virtualizer.current.scrollOffset = Math.max(0, list.total * height - shown);
  const visibleItems = virtualizer.current.getVirtualItems();
  const items = visibleItems.flatMap(({ index, start }) => {
    const row = list.rows[index - list.from];
    return row === undefined ? [] : [{ index, start, row }];
  });
  const slots = useSlots(items.map(({ row }) => props.keyOf(row)));
  useWanted(visibleItems[0]?.index ?? 0, (visibleItems.at(-1)?.index ?? 40) + 1, follow);
  useScrollKeeping(scroller, { follow, total: list.total, dropped, height });
  useListKeys(props, (place) => {
    virtualizer.current!.scrollToIndex(place, { align: 'auto' });
  });

  return (
    <div class="list" role="grid" aria-label={props.label} aria-rowcount={list.total} aria-colcount={props.columns}>
      {props.header}
      <div
        class="list-scroller"
        role="rowgroup"
        tabIndex={0}
        aria-label={props.label}
        ref={scroller}
        onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
          props.onFollow?.(scrollTop + clientHeight >= scrollHeight - height);
        }}
      >
        <div class="list-space" role="presentation" style={{ height: `${String(list.total * height)}px` }}>
          {items.map(({ index, start, row }, i) => (
            <div
              key={slots[i]}
              class={`list-row${props.isSelected(row) ? ' selected' : ''}`}
              role="row"
              aria-rowindex={index + 1}
              aria-selected={props.isSelected(row)}
              style={{ transform: `translateY(${String(start)}px)`, height: `${String(height)}px` }}
              onClick={() => {
                props.select(row);
              }}
            >
              {props.render(row, index)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/**
 * Returns which element each row gets. A row keeps its element while it is visible; a new row gets the element of a row that is no longer
 * visible. In a flood every paint has other rows, and new elements cost more than twice as much as new texts.
 */
function useSlots(keys: readonly (string | number)[]): readonly number[] {
  const taken = useRef(new Map<string | number, number>());
  const before = taken.current;
  const kept = new Set(keys.map((key) => before.get(key)));
  let next = 0;
  const free = (): number => {
    while (kept.has(next)) next++;
    return next++;
  };
  taken.current = new Map(keys.map((key) => [key, before.get(key) ?? free()]));
  return keys.map((key) => taken.current.get(key)!);
}

/**
 * Requests rows from the worker: the visible ones, in steps, so that not every pixel makes a new request. While the list follows its end,
 * only the number of rows counts.
 */
function useWanted(first: number, last: number, follow: boolean): void {
  useEffect(() => {
    if (follow) {
      const count = Math.ceil((last - first + OVERSCAN) / 16) * 16;
      if (wanted.value.to - wanted.value.from < count) wanted.value = { from: 0, to: count };
      return;
    }
    const from = Math.max(0, Math.floor((first - OVERSCAN) / 16) * 16);
    const to = Math.ceil((last + OVERSCAN) / 16) * 16;
    if (wanted.value.from !== from || wanted.value.to !== to) wanted.value = { from, to };
  }, [first, last, follow]);
}

interface ScrollState {
  readonly follow: boolean;
  readonly total: number;
  readonly dropped: number;
  readonly height: number;
}

/** Keeps the list at its end if it follows the end. Otherwise it keeps the same rows visible when rows before them are removed. */
function useScrollKeeping(scroller: { readonly current: HTMLDivElement | null }, now: ScrollState): void {
  const { follow, total, dropped, height } = now;
  const before = useRef(dropped);
  useLayoutEffect(() => {
    const element = scroller.current;
    const gone = dropped - before.current;
    before.current = dropped;
    if (!element) return;
    if (follow) onLayout(() => (element.scrollTop = total * height));
    else if (gone > 0) element.scrollTop -= gone * height;
  }, [follow, total, dropped, height]);
}

function useListKeys<Row>(props: VirtualListProps<Row>, show: (place: number) => void): void {
  const latest = useRef(props);
  latest.current = props;
  const place = useRef(-1);
  useEffect(
    () =>
      bindListKeys({
        move: (by) => {
          const { list, isSelected, select } = latest.current;
          const selected = list.rows.findIndex(isSelected);
          const from =
            selected >= 0
              ? list.from + selected
              : place.current < 0
                ? by > 0
                  ? list.from - 1
                  : list.total
                : place.current;
          const { skips = () => false } = latest.current;
          const at = (index: number) => list.rows[index - list.from];
          let next = from + by;
          for (let row = at(next); row !== undefined && skips(row); row = at(next)) next += by;
          place.current = Math.max(0, Math.min(list.total - 1, next));
          show(place.current);
          latest.current.onFollow?.(place.current >= list.total - 1);
          const row = at(place.current);
          if (row !== undefined) select(row);
        },
        open: () => document.querySelector<HTMLElement>('.detail')?.focus(),
      }),
    [],
  );
}
