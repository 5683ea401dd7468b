import t from 'tap';
import { NOW } from '../../support/changes.js';
import { Piece } from '../../../server/delivery/piece.js';

const endless = { now: NOW, isSpent: () => false };
const event = new Uint8Array(10);

/** How many records are matched before there is no room, if every nth of them matches. */
function matched(piece: Piece, nth = 1): number {
  let count = 0;
  for (; count < 1_000 && piece.beginNext(); count++) if (count % nth === 0) piece.add(event);
  return count;
}

t.test('a piece ends at its number of events, or with the event that reaches its bytes', async (t) => {
  t.equal(matched(new Piece(3, 1_000, 0, endless)), 3);
  t.equal(matched(new Piece(Infinity, 30, 0, endless)), 3);
  t.equal(matched(new Piece(Infinity, 31, 0, endless)), 4);
  t.equal(matched(new Piece(3, 1_000, 0, endless), 5), 11, 'what does not match takes no room');
  t.equal(matched(new Piece(0, 1_000, 0, endless)), 0);
  t.same(new Piece(1, 1, 0, endless).events, []);
});

t.test(
  'a piece ends with its turn: the clock is read for every sixteenth record, and for each if the filter is dear',
  async (t) => {
    for (const [cost, spentAt, count] of [
      [0, 1, 15],
      [500, 3, 47],
      [501, 1, 0],
      [501, 3, 2],
    ] as const) {
      let looks = 0;
      const turn = { now: NOW, isSpent: () => ++looks >= spentAt };
      t.equal(matched(new Piece(Infinity, Infinity, cost, turn)), count, `a cost of ${String(cost)}`);
    }
  },
);
