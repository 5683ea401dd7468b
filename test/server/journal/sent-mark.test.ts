import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

t.test('a mark does not belong to a header that was put back, though both are as they were', async (t) => {
  const repository = new TemporaryRepository();
  const state = repository.openState();
  t.teardown(() => {
    state.close();
    repository.dispose();
  });
  const dir = new JournalDir(() => state);
  const header = join(repository.state, 'journal', 'header.json');
  const changedAt = (): bigint => statSync(header, { bigint: true }).ctimeNs;
  dir.writeHeader({ format: 1, epoch: 'E', file: '1.mdb', inode: '1', boot: null, seal: null });
  const mark = new HighWaterMark(dir);
  mark.open(epoch('E'), revision(7));
  mark.joinHeader();
  t.equal(mark.read(epoch('E')), 7);
  const copy = readFileSync(header);
  // The kernel tells a few milliseconds apart.
  for (const writtenAt = changedAt(); changedAt() === writtenAt;) writeFileSync(header, copy);
  t.equal(mark.read(epoch('E')), undefined);
  mark.joinHeader();
  t.equal(mark.read(epoch('E')), 7);
  mark.close();
});
