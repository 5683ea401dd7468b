import t from 'tap';
import { recordIdFault, recordIdFaultText, type RecordIdFault } from '../../../protocol/records/record-id.js';

t.test('an id is the name of a file that shows as it is; every other text has a fault, which is named', async (t) => {
  for (const [id, fault] of [
    ['r1', undefined],
    ['a.b', undefined],
    ['a.', undefined],
    ['a b', undefined],
    ['café', undefined],
    ['😀', undefined],
    ['', 'empty'],
    ['.a', 'hidden'],
    ['.', 'hidden'],
    ['a/b', 'path'],
    ['a\\b', 'path'],
    ['a\n', 'unprintable'],
    ['\u0000', 'unprintable'],
    ['\u007f', 'unprintable'],
    ['a\u202eb', 'unprintable'],
    ['\ufffd', 'unprintable'],
    ['\ud800', 'unprintable'],
    ['x'.repeat(12), undefined],
    ['x'.repeat(13), 'too-long'],
    ['é'.repeat(6), undefined],
    ['é'.repeat(7), 'too-long'],
    ['€'.repeat(4), undefined],
    ['€'.repeat(5), 'too-long'],
  ] as const)
    t.equal(recordIdFault(id, 12), fault, JSON.stringify(id));
  const words: Readonly<Record<RecordIdFault, RegExp>> = {
    empty: /^is empty$/,
    hidden: /^begins with a dot/,
    path: /^is a path: an id is the name of a file, without \.json$/,
    unprintable: /^has characters that no id has$/,
    'too-long': /^is too long: an id has 1 to 12 bytes in UTF-8 \(max_id_bytes\)$/,
  };
  for (const [fault, text] of Object.entries(words)) t.match(recordIdFaultText(fault as RecordIdFault, 12), text);
});
