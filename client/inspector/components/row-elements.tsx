import { Component, type ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { giveElements, type Key, type PlacedRow, type RowElement } from '../model/given-elements.js';
import { dropJob, inSlice } from '../page/slices.js';
import { useRedraw } from './redraw.js';

export interface RowElements<Row> {
  readonly elements: readonly RowElement<Row>[];
  /** Whether all rows of the screen have elements. Until then those that were shown before stay where they are. */
  readonly isWhole: boolean;
}

/** The rows that get new contents in one task. New contents of thirty rows would keep a key waiting for longer than a person notices. */
const STEP = 6;

/**
 * Gives the rows of a list their elements, a few with each task. A row keeps its element while it is visible; a new row reuses an element whose
 * row has gone. In a flood every paint has other rows, and new elements cost more than twice as much as new texts.
 * @param paint what the rows belong to: with a new one, a few rows change at once @param isFromEnd whether the last rows come first
 * @param lacks whether rows of the screen are still to come
 */
export function useRowElements<Row>(
  wanted: readonly PlacedRow<Row>[],
  keyOf: (row: Row) => Key,
  paint: unknown,
  isFromEnd: boolean,
  lacks: boolean,
): RowElements<Row> {
  const held = useRef<ReadonlyMap<Key, RowElement<Row>>>(new Map());
  const turn = useRef<{ paint: unknown; left: number; fresh: number }>({ paint: undefined, left: 0, fresh: 0 });
  const redraw = useRedraw();
  // What is around the rows is displayed for the first time, which is enough for one task.
  if (turn.current.paint !== paint) turn.current = { paint, left: held.current.size === 0 ? 0 : STEP, fresh: 0 };
  const take = (): boolean => turn.current.left > 0 && turn.current.left-- > 0;
  const rows = isFromEnd ? wanted.toReversed() : wanted;
  const given = giveElements(held.current, rows, keyOf, take, turn.current.fresh, lacks);
  held.current = given.held;
  turn.current.fresh = given.fresh;
  const { isWhole, isCurrent } = given;
  useLayoutEffect(() => {
    if (isWhole && isCurrent && turn.current.left === STEP) return;
    inSlice(turn, () => {
      turn.current.left = STEP;
      if (!isWhole || !isCurrent) redraw();
    });
  });
  useLayoutEffect(() => () => dropJob(turn), []);
  // In the order of the rows, which is that of the Tab key.
  const elements = [...held.current.values()].sort(
    (a, b) => Number(a.isSpare) - Number(b.isSpare) || a.index - b.index || a.slot - b.slot,
  );
  return { elements, isWhole: isWhole && !lacks };
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
