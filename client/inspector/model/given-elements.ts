/** What a row is called. It keeps its element while it is visible. */
export type Key = string | number;

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

export interface Given<Row> {
  readonly held: ReadonlyMap<Key, RowElement<Row>>;
  /** Whether each wanted row has an element. */
  readonly isWhole: boolean;
  /** How many rows were new in this paint so far. The next one will need as many spare elements. */
  readonly fresh: number;
  /** Whether each row that has an element shows its present contents. */
  readonly isCurrent: boolean;
}

/** The most rows that stay for others which are not whole yet: more than a screen has. */
const MAX_STAYING = 128;

/**
 * @param take whether one more row may change now @param fresh how many rows were new in this paint before
 * @param lacks whether rows that belong on the screen are still to come. Until then those that were shown before stay.
 */
export function giveElements<Row>(
  before: ReadonlyMap<Key, RowElement<Row>>,
  wanted: readonly PlacedRow<Row>[],
  keyOf: (row: Row) => Key,
  take: () => boolean,
  fresh: number,
  lacks = false,
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
  let staying = MAX_STAYING;
  for (const [key, element] of left) {
    if (reused.has(key)) continue;
    // Two rows at one place could not be read.
    const isSpare = element.isSpare || (isWhole && !lacks) || starts.has(element.start);
    if ((isSpare ? spares-- : staying--) <= 0) continue;
    held.set(key, isSpare === element.isSpare ? element : { ...element, isSpare });
  }
  return { held, isWhole, isCurrent, fresh: fresh + given };
}
