import t from 'tap';
import { parseTimestamp } from '../../../server/store/timestamp.js';

t.test('a naive time is UTC', async (t) => {
  t.equal(parseTimestamp('2026-03-30T15:00:00'), Date.UTC(2026, 2, 30, 15));
});
