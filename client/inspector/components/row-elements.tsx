import { Component, type ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { dropJob, inSlice } from '../page/slices.js';

type Key = string | number;

/** A row at its place in a list. */
export interface PlacedRow<Row> {
  readonly index: number;
  /** Pixels from the top of the list. */
  readonly start: number;
  readonly row: Row;
}

/** An element for a row. A spare one is hidden, and waits for the next new row. */
export interface RowElement<Row> extends PlacedRow<Row> {
  readonly slot: number;
  readonly isSpare: boolean;
}

export interface RowElements<Row> {
  readonly elements: readonly RowElement<Row>[];
  /** Whether all wanted rows have elements. Until then those that were shown before stay where they are. */
  readonly isWhole: boolean;
}

/** The rows that get new contents in one task. New contents of thirty rows would keep a key waiting for longer than a person notices. */
const STEP = 6;

/**
 * Gives the rows of a list their elements, a few with each task. A row keeps its element while it is visible; a new row reuses an element whose
 * row has gone. In a flood every paint has other rows, and new elements cost more than twice as much as new texts.
 * @param paint what the rows belong to: with a new one, a few rows change at once @param isFromEnd whether the last rows come first
 */
export function useRowElements<Row>(
  wanted: readonly PlacedRow<Row>[],
  keyOf: (row: Row) => Key,
  paint: unknown,
  isFromEnd: boolean,
): RowElements<Row> {
  const held = useRef<ReadonlyMap<Key, RowElement<Row>>>(new Map());
  const turn = useRef<{ paint: unknown; left: number; fresh: number }>({ paint: undefined, left: 0, fresh: 0 });
  const [, redraw] = useState(0);
  // What is around the rows is displayed for the first time, which is enough for one task.
  if (turn.current.paint !== paint) turn.current = { paint, left: held.current.size === 0 ? 0 : STEP, fresh: 0 };
  const take = (): boolean => turn.current.left > 0 && turn.current.left-- > 0;
  const rows = isFromEnd ? wanted.toReversed() : wanted;
  const given = giveElements(held.current, rows, keyOf, take, turn.current.fresh);
  held.current = given.held;
  turn.current.fresh = given.fresh;
  const { isWhole, isCurrent } = given;
  useLayoutEffect(() => {
    if (isWhole && isCurrent && turn.current.left === STEP) return;
    inSlice(turn, () => {
      turn.current.left = STEP;
      if (!isWhole || !isCurrent) redraw((n) => n + 1);
    });
  });
  useLayoutEffect(() => () => dropJob(turn), []);
  // In the order of the rows, which is that of the Tab key.
  const elements = [...held.current.values()].sort(
    (a, b) => Number(a.isSpare) - Number(b.isSpare) || a.index - b.index || a.slot - b.slot,
  );
  return { elements, isWhole };
}

interface Given<Row> {
  readonly held: ReadonlyMap<Key, RowElement<Row>>;
  readonly isWhole: boolean;
  /** How many rows were new in this paint so far. The next one will need as many spare elements. */
  readonly fresh: number;
  /** Whether each row that has an element shows its present contents. */
  readonly isCurrent: boolean;
}

/** @param take whether one more row may change now @param fresh how many rows were new in this paint before */
export function giveElements<Row>(
  before: ReadonlyMap<Key, RowElement<Row>>,
  wanted: readonly PlacedRow<Row>[],
  keyOf: (row: Row) => Key,
  take: () => boolean,
  fresh: number,
): Given<Row> {
  const held = new Map<Key, RowElement<Row>>();
  const missing: PlacedRow<Row>[] = [];
  let isCurrent = true;
  for (const placed of wanted) {
    const own = before.get(keyOf(placed.row));
    if (!own) {
      missing.push(placed);
      continue;
    }
    const mayChange = own.row === placed.row || take();
    isCurrent &&= mayChange;
    const row = mayChange ? placed.row : own.row;
    held.set(keyOf(placed.row), { ...placed, row, slot: own.slot, isSpare: false });
  }
  const left = [...before].filter(([key]) => !held.has(key));
  const spare = left.filter(([, { isSpare }]) => isSpare);
  const slots = new Set([...before.values()].map(({ slot }) => slot));
  let next = 0;
  const newSlot = (): number => {
    while (slots.has(next)) next++;
    slots.add(next);
    return next;
  };
  const reused = new Set<Key>();
  let given = 0;
  for (const placed of missing) {
    if (!take()) break;
    given++;
    const [key, element] = spare.pop() ?? [];
    if (key !== undefined) reused.add(key);
    held.set(keyOf(placed.row), { ...placed, slot: element?.slot ?? newSlot(), isSpare: false });
  }
  const isWhole = given === missing.length;
  const starts = new Set([...held.values()].map(({ start }) => start));
  let spares = fresh + given;
  for (const [key, element] of left) {
    if (reused.has(key)) continue;
    // Two rows at one place could not be read.
    const isSpare = element.isSpare || isWhole || starts.has(element.start);
    if (isSpare && spares-- <= 0) continue;
    held.set(key, isSpare === element.isSpare ? element : { ...element, isSpare });
  }
  return { held, isWhole, isCurrent, fresh: fresh + given };
}

interface RowContentProps<Row> {
  readonly row: Row;
  readonly index: number;
  readonly render: (row: Row, place: number) => ComponentChildren;
}

/** The contents of a row, which are made again only for another row. */
export class RowContent<Row> extends Component<RowContentProps<Row>> {
  override shouldComponentUpdate({ row }: RowContentProps<Row>): boolean {
    return row !== this.props.row;
  }

  override render(): ComponentChildren {
    const { row, index, render } = this.props;
    return render(row, index);
  }
}
