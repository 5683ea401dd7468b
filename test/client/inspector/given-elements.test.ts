import t from 'tap';
import {
  giveElements,
  type Key,
  type PlacedRow,
  type RowElement,
} from '../../../client/inspector/model/given-elements.js';

/** A list whose rows are named, of which so many may change with each call. */
class List {
  held: ReadonlyMap<Key, RowElement<{ readonly name: string }>> = new Map();
  #fresh = 0;
  readonly #rows = new Map<string, { readonly name: string }>();

  show(names: string, from: number, most: number, lacks = false): boolean {
    let left = most;
    const wanted = Array.from(names, (name, i): PlacedRow<{ name: string }> => ({
      index: from + i,
      start: from + i,
      row: this.#row(name),
    }));
    const given = giveElements(
      this.held,
      wanted,
      ({ name }) => name,
      () => left-- > 0,
      this.#fresh,
      lacks,
    );
    this.held = given.held;
    this.#fresh = given.isWhole ? 0 : given.fresh;
    return given.isWhole;
  }

  /** A paint has one object for each of its rows. */
  #row(name: string): { readonly name: string } {
    const known = this.#rows.get(name) ?? { name };
    this.#rows.set(name, known);
    return known;
  }

  /** `a0@5`: row a in element 0 at place 5; in parentheses if it is spare. */
  get shown(): string {
    const texts = [...this.held.values()]
      .sort((a, b) => a.slot - b.slot)
      .map(({ row, slot, start, isSpare }) => `${row.name}${String(slot)}${isSpare ? '-' : `@${String(start)}`}`);
    return texts.join(' ');
  }
}

t.test('rows get their elements a few at a time; those before stay where they are until all have theirs', async (t) => {
  const list = new List();
  t.notOk(list.show('abc', 0, 2));
  t.equal(list.shown, 'a0@0 b1@1');
  t.ok(list.show('abc', 0, 2));
  t.equal(list.shown, 'a0@0 b1@1 c2@2');
  t.notOk(list.show('xyz', 10, 2));
  t.equal(list.shown, 'a0@0 b1@1 c2@2 x3@10 y4@11');
  t.ok(list.show('xyz', 10, 2));
  t.equal(list.shown, 'a0- b1- c2- x3@10 y4@11 z5@12', 'then the elements of the old rows wait for the next new ones');
  t.ok(list.show('uvw', 20, 3));
  t.match(list.shown, /^[uvw]0@2\d [uvw]1@2\d [uvw]2@2\d x3- y4- z5-$/, 'which make no new elements');
  t.ok(list.show('uvw', 20, 3));
  t.notMatch(list.shown, '-', 'where nothing is new, nothing waits');
});

t.test('a row that stays keeps its element; an old row gives way to a new one at its place', async (t) => {
  const list = new List();
  list.show('abc', 0, 9);
  t.ok(list.show('bcd', 1, 9));
  t.match(list.shown, /a0- b1@1 c2@2 d3@3/);
  t.notOk(list.show('pqrs', 1, 1));
  t.notMatch(list.shown, 'b1@1', 'two rows at one place could not be read');
  t.match(list.shown, 'c2@2');
});

t.test('the old rows stay until those that belong on the screen have come, and no more than a screen of them', (t) => {
  const list = new List();
  list.show('abc', 0, 9);
  list.show('', 9, 9, true);
  t.equal(list.shown, 'a0@0 b1@1 c2@2', 'of the new ones none is known yet');
  list.show('xyz', 10, 9);
  t.equal(list.shown, 'a0- b1- c2- x3@10 y4@11 z5@12');
  for (let i = 0; i < 100; i++)
    list.show(`xyz${String.fromCharCode(0x1000 + 2 * i, 0x1001 + 2 * i)}`, 20 + 5 * i, 9, true);
  t.equal(list.held.size, 5 + 128, 'somebody who scrolls on and on');
  t.end();
});
