import t from 'tap';
import { epoch, revision } from '../../../protocol/index.js';
import { JournalDir } from '../../../server/journal/journal-dir.js';
import { HighWaterMark } from '../../../server/journal/high-water-mark.js';
import type { OpenFile } from '../../../server/journal/storage.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

t.test('a mark whose file fails when it is closed crashes nothing, and keeps its value', async (t) => {
  const repository = new TemporaryRepository();
  const state = repository.openState();
  t.teardown(() => {
    state.close();
    repository.dispose();
  });
  const dir = new JournalDir(() => state);
  let file: OpenFile | undefined;
  // NFS and a full disk can fail in close(2). Closing a file twice fails in the same way on each system.
  const failing = Object.assign(Object.create(dir) as JournalDir, { openMark: () => (file = dir.openMark()) });
  const mark = new HighWaterMark(failing);
  mark.open(epoch('E'), revision(7));
  file!.close();
  t.doesNotThrow(() => {
    mark.close();
  });
  t.equal(new HighWaterMark(dir).read(epoch('E')), 7);
});
