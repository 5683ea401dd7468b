import t from 'tap';
import { epoch, formatCursor, parseCursor, revision } from '../../../protocol/index.js';

t.test('a cursor is read back as it was written', async (t) => {
  for (const position of [0, 1, 4711, Number.MAX_SAFE_INTEGER]) {
    const cursor = { epoch: epoch('01JQXYZ'), revision: revision(position) };
    t.same(parseCursor(formatCursor(cursor)), cursor);
  }
  t.equal(formatCursor({ epoch: epoch('e'), revision: revision(7) }), 'e:7');
});

t.test('every other text is refused as a cursor', async (t) => {
  const others = [
    '',
    ':',
    'e',
    'e:',
    ':1',
    'e:-1',
    'e:01',
    'e:1.0',
    'e:1e3',
    'e:1 ',
    ' e:1',
    'e f:1',
    'e:1:2',
    'e:1\n',
  ];
  const tooLong = [`${'e'.repeat(65)}:1`, 'e:9007199254740992', 'e:99999999999999999'];
  for (const text of [...others, ...tooLong]) t.equal(parseCursor(text), undefined, JSON.stringify(text));
});
