import t from 'tap';
import { unixMillis } from '../../../protocol/index.js';
import { EPOCH_RANDOM_BYTES, newEpoch } from '../../../server/store/epoch.js';

const zeros = new Uint8Array(EPOCH_RANDOM_BYTES);

t.test('an epoch is named by a ULID: the time in ten letters, and sixteen that are random', async (t) => {
  t.equal(newEpoch(unixMillis(1_469_918_176_385), zeros), '01ARYZ6S410000000000000000', 'the example of ULID itself');
  t.equal(
    newEpoch(
      unixMillis(0),
      Uint8Array.from(zeros, (_, n) => 32 * n + 2 * n + 1),
    ),
    '000000000013579BDFHKNQSVXZ',
    'five bits of each byte, in letters that are not taken for another',
  );
});

t.test('epochs sort by the time at which they began', async (t) => {
  const times = [0, 31, 32, 1_023, 1_024, 1_774_882_800_000, 1_774_882_800_001];
  const names = times.map((ms) => newEpoch(unixMillis(ms), zeros));
  t.same([...names].sort(), names);
  t.equal(new Set(names).size, times.length);
});
