import { signal } from '@preact/signals';
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { Target } from '../model/target.js';
import { bindListKeys } from '../page/list-keys.js';
import { rows as wanted, select, selectInPassing } from '../page/state.js';
import { releasePage } from '../page/press.js';
import type { Rows } from '../worker/paint.js';
import { useRedraw } from './redraw.js';
import { RowContent, useRowElements } from './row-elements.js';
import { placeOf, scrolledBy, useScrollKeeping, type LeftPlace } from './scroll-keeping.js';

/** The rows beyond the screen that are requested too, so that they are present when the user scrolls. */
const OVERSCAN = 24;
/** Rows are requested in steps of so many. */
const STEP = 16;

export interface VirtualListProps<Row> {
  readonly label: string;
  readonly list: Rows<Row>;
  /** Height of a row in rem. */
  readonly rowRem: number;
  readonly columns: number;
  /** No element: those of a first render are held by its closures, with the rows around them, which would never be freed. */
  readonly header?: () => ComponentChildren;
  readonly render: (row: Row, place: number) => ComponentChildren;
  readonly keyOf: (row: Row) => string | number;
  readonly isSelected: (row: Row) => boolean;
  /** What selecting the row selects; `undefined` for a row that cannot be selected, such as a heading. The keys skip those. */
  readonly target: (row: Row) => Target | undefined;
  /** For a tree: the level of a row from 1, and whether it is open; `undefined` if it has no children. */
  readonly tree?: (row: Row) => { readonly level: number; readonly isOpen: boolean | undefined };
  readonly onToggle?: (row: Row) => void;
  /** Keeps the last row visible. */
  readonly follow?: boolean;
  /** For rows that are costly to send: how many beyond the screen are requested. */
  readonly overscan?: number;
  /** Called when the user scrolls away from the last row, or to it. */
  readonly onFollow?: (isAtEnd: boolean) => void;
  /** The number of rows removed at the beginning so far. The scroll position follows it. */
  readonly dropped?: number;
}

/** Height of the head of a list in rem. It stays at the top, above the rows. */
const HEADER_REM = 1.95;

const readRemPixels = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Pixels in a rem, which grows with the window. */
const remPixels = signal(readRemPixels());
addEventListener('resize', () => (remPixels.value = readRemPixels()));

/** Where each list was scrolled to, in rows, so that it is still there after another view was shown. */
const places = new Map<string, { readonly row: number; readonly dropped: number }>();

const hasMarkedText = (): boolean => getSelection()?.isCollapsed === false;

/** A long list. Only the visible rows have elements, and the worker sends only those. */
export function VirtualList<Row>(props: VirtualListProps<Row>) {
  const { list, rowRem, follow = false, dropped = 0 } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const redraw = useRedraw();
  const id = useId();
  const height = Math.round(rowRem * remPixels.value);
  const headerHeight = props.header === undefined ? 0 : Math.round(HEADER_REM * remPixels.value);
  const virtualizer = useRef<Virtualizer<HTMLDivElement, Element>>(undefined);
  const left = useRef<LeftPlace>({ top: 0, width: 0, height: 0 });
  const options: VirtualizerOptions<HTMLDivElement, Element> = {
    count: list.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 2,
    scrollMargin: headerHeight,
    initialOffset: () => {
      const place = places.get(props.label);
      return place ? Math.max(0, place.row - Math.max(0, dropped - place.dropped)) * height : 0;
    },
    scrollPaddingStart: headerHeight,
    scrollToFn: (offset, how, instance) => {
      elementScroll(offset, how, instance);
      left.current = placeOf(scroller.current);
    },
    observeElementRect,
    observeElementOffset,
    onChange: redraw,
  };
  virtualizer.current ??= new Virtualizer(options);
  virtualizer.current.setOptions(options);
  useLayoutEffect(() => virtualizer.current!._didMount(), []);
  useLayoutEffect(() => {
    virtualizer.current!._willUpdate();
  });
  // Set the offset that the list will be scrolled to. At its old offset it would render rows that are never seen.
  const shown = virtualizer.current.scrollRect?.height;
  if (follow && shown !== undefined)
    virtualizer.current.scrollOffset = Math.max(0, headerHeight + list.total * height - shown);
  const visibleItems = virtualizer.current.getVirtualItems();
  const items = visibleItems.flatMap(({ index, start }) => {
    const row = list.rows[index - list.from];
    return row === undefined ? [] : [{ index, start, row }];
  });
  const { elements, isWhole } = useRowElements(items, props.keyOf, list, follow, items.length < visibleItems.length);
  useWanted(visibleItems[0]?.index ?? 0, (visibleItems.at(-1)?.index ?? 40) + 1, follow, props.overscan ?? OVERSCAN);
  useScrollKeeping(scroller, left, { follow, total: list.total, dropped, height, headerHeight, isWhole });
  useListKeys(props, scroller, virtualizer);

  const selected = items.find(({ row }) => props.isSelected(row));
  const idOf = (place: number): string => `${id}-${String(place)}`;
  return (
    <>
      <h2 class="hidden">{props.label}</h2>
      <div
        class="list list-scroller"
        role={props.tree ? 'treegrid' : 'grid'}
        tabIndex={0}
        aria-label={props.label}
        aria-rowcount={list.total}
        aria-colcount={props.columns}
        aria-activedescendant={selected ? idOf(selected.index) : undefined}
        ref={scroller}
        onScroll={({ currentTarget }) => {
          const { scrollTop, clientHeight, scrollHeight } = currentTarget;
          const by = scrolledBy(currentTarget, left.current);
          left.current = placeOf(currentTarget);
          places.set(props.label, { row: scrollTop / height, dropped });
          if (by === 0) return;
          // The rows that come to the screen are needed, also by who marks text beyond its edge.
          releasePage();
          props.onFollow?.(by > 0 && scrollTop + clientHeight >= scrollHeight - height);
        }}
      >
        {props.header?.()}
        <div
          class="list-space"
          role="rowgroup"
          style={{ height: `${String(list.total * height)}px` }}
          // A focused link and marked text would leave with their rows.
          onFocusIn={() => props.onFollow?.(false)}
          onPointerUp={() => {
            if (hasMarkedText()) props.onFollow?.(false);
          }}
        >
          {elements.map(({ slot, index, start, row, isSpare }) => (
            <div
              key={slot}
              hidden={isSpare}
              id={isSpare ? undefined : idOf(index)}
              class={`list-row${!isSpare && props.isSelected(row) ? ' selected' : ''}`}
              role="row"
              aria-rowindex={index + 1}
              aria-selected={props.isSelected(row)}
              aria-level={props.tree?.(row).level}
              aria-expanded={props.tree?.(row).isOpen}
              style={{ transform: `translateY(${String(start - headerHeight)}px)`, height: `${String(height)}px` }}
              onClick={() => {
                // The end of marking text is a click, too.
                if (hasMarkedText()) return;
                const target = props.target(row);
                if (!target) return;
                props.onFollow?.(index >= list.total - 1);
                select(target);
              }}
            >
              <RowContent row={row} index={index} render={props.render} />
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

/**
 * Requests rows from the worker: the visible ones, in steps, so that not every pixel makes a new request. While the list follows its end,
 * only the number of rows counts.
 */
function useWanted(first: number, last: number, follow: boolean, overscan: number): void {
  useEffect(() => {
    if (follow) {
      const count = Math.ceil((last - first + overscan) / STEP) * STEP;
      if (wanted.value.to - wanted.value.from < count) wanted.value = { from: 0, to: count };
      return;
    }
    const step = Math.min(STEP, overscan);
    const from = Math.max(0, Math.floor((first - overscan) / step) * step);
    const to = Math.ceil((last + overscan) / step) * step;
    if (wanted.value.from !== from || wanted.value.to !== to) wanted.value = { from, to };
  }, [first, last, follow, overscan]);
}

function useListKeys<Row>(
  props: VirtualListProps<Row>,
  list: { readonly current: HTMLDivElement | null },
  virtualizer: { readonly current: Virtualizer<HTMLDivElement, Element> | undefined },
): void {
  const latest = useRef(props);
  latest.current = props;
  const place = useRef(-1);
  const selectedPlace = (): number => {
    const { list: rows, isSelected } = latest.current;
    const at = rows.rows.findIndex(isSelected);
    return at < 0 ? place.current : rows.from + at;
  };
  const rowAt = (index: number): Row | undefined => latest.current.list.rows[index - latest.current.list.from];
  useEffect(
    () =>
      bindListKeys({
        move: (by) => {
          const { list: rows, target, onFollow } = latest.current;
          const from = selectedPlace();
          const visible = virtualizer.current?.range;
          const first = by > 0 ? visible?.startIndex : visible?.endIndex;
          let next = from < 0 && Number.isFinite(by) ? (first ?? rows.from) : from + by;
          const step = Math.sign(by);
          for (let row = rowAt(next); row !== undefined && !target(row); row = rowAt(next)) next += step;
          place.current = Math.max(0, Math.min(rows.total - 1, next));
          virtualizer.current?.scrollToIndex(place.current, { align: 'auto' });
          onFollow?.(place.current >= rows.total - 1);
          const row = rowAt(place.current);
          if (row === undefined) return;
          // The list has the focus, so that a screen reader says which row is selected.
          if (!list.current?.contains(document.activeElement)) list.current?.focus({ preventScroll: true });
          selectInPassing(target(row));
        },
        open: () => document.querySelector<HTMLElement>('.detail')?.focus(),
        toggle: (toOpen) => {
          const row = rowAt(selectedPlace());
          const isOpen = row === undefined ? undefined : latest.current.tree?.(row).isOpen;
          if (row !== undefined && isOpen === !toOpen) latest.current.onToggle?.(row);
        },
        copied: () => {
          const row = list.current?.querySelector('.list-row.selected');
          return row
            ? [...row.querySelectorAll('[role="gridcell"]')].map((cell) => textOf(cell)).join('\t')
            : undefined;
        },
      }),
    [],
  );
}

const textOf = (cell: Element): string => (cell as HTMLElement).innerText.replaceAll(/\s+/g, ' ').trim();
