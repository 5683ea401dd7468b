import t from 'tap';
import { sameSignature } from '../../../server/store/change.js';
import { newSignature } from '../../support/changes.js';

t.test('a file is as it was if inode, times and size are, and never if one look failed', async (t) => {
  const was = newSignature();
  t.ok(sameSignature(was, { ...was }));
  t.notOk(sameSignature(was, { ...was, inode: was.inode + 1 }), 'another file took its name');
  t.notOk(sameSignature(was, { ...was, mtimeNs: was.mtimeNs + 1n }), 'written a nanosecond later');
  t.notOk(sameSignature(was, { ...was, size: was.size + 1 }));
  t.notOk(sameSignature({ ...was, changedNs: 1n }, { ...was, changedNs: 2n }), 'written, and its time set back');
  t.notOk(sameSignature(was, undefined));
  t.notOk(sameSignature(undefined, was));
  t.notOk(sameSignature(undefined, undefined), 'two failures prove nothing');
});
