import t from 'tap';
import type { Kind } from '../../../protocol/index.js';
import { silentLog } from '../../../server/runtime/log.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { Ingest } from '../../../server/watch/ingest.js';
import type { Reading, RecordReader } from '../../../server/watch/record-reader.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { ManualClock } from '../../support/manual-clock.js';

const SETTLE_MS = 200;

/** An ingest over one file, which is half-written at each reading, or cannot be read. */
function overTornFile() {
  const clock = new ManualClock();
  const store = new RecordStore();
  const warnings = new Warnings(silentLog);
  const events: StoreEvent[] = [];
  const file = { mtimeNs: 1n };
  const machine = { hasDescriptors: true };
  const read = (kind: Kind, id: string): Reading => {
    if (!machine.hasDescriptors)
      return { is: 'unavailable', kind, id, error: Object.assign(new Error('made to fail'), { code: 'EMFILE' }) };
    return { is: 'broken', kind, id, problem: 'invalid-json', signature: { inode: 1, size: 1, ...file } };
  };
  const ingest = new Ingest({
    store,
    reader: { read } as unknown as RecordReader,
    clock,
    ignored: new IgnoredFiles(warnings, 256),
    warnings,
    settleMs: SETTLE_MS,
    publish: (some) => events.push(...some),
    rescan: () => Promise.resolve(true),
    admits: () => true,
    foldsCase: () => false,
    listedName: () => undefined,
    canSee: () => true,
    knowsAll: () => true,
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    reconcileSoon: () => undefined,
  });
  ingest.start();
  ingest.record('heartbeat', 'h');
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 10) {
      clock.advance(10);
      for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  const rewrite = (): void => {
    file.mtimeNs++;
  };
  return { ingest, events, pass, rewrite, machine };
}

t.test('a file that stays broken is reported after the settle time', async (t) => {
  const { ingest, events, pass } = overTornFile();
  t.teardown(() => ingest.stop());
  await pass(SETTLE_MS - 20);
  t.same(events, []);
  await pass(40);
  t.same(
    events.map(({ after }) => after?.problem),
    ['invalid-json'],
  );
});

t.test('the settle time starts again with each write, up to ten times', async (t) => {
  const { ingest, events, pass, rewrite } = overTornFile();
  t.teardown(() => ingest.stop());
  for (let passed = 0; passed < 9 * SETTLE_MS; passed += SETTLE_MS / 2) {
    rewrite();
    await pass(SETTLE_MS / 2);
  }
  t.same(events, [], 'it is being written, and not broken');
  for (let passed = 0; passed < 3 * SETTLE_MS; passed += SETTLE_MS / 2) {
    rewrite();
    await pass(SETTLE_MS / 2);
  }
  t.equal(events.length, 1, 'but not without end');
});

t.test('the settle time of an unreadable file starts when it can be read and is half-written', async (t) => {
  const { ingest, events, pass, rewrite, machine } = overTornFile();
  t.teardown(() => ingest.stop());
  const problems = () => events.map(({ after }) => after?.problem);
  machine.hasDescriptors = false;
  rewrite();
  ingest.record('heartbeat', 'h');
  await pass(4 * SETTLE_MS);
  t.same(problems(), ['unreadable']);
  machine.hasDescriptors = true;
  rewrite();
  ingest.record('heartbeat', 'h');
  await pass(SETTLE_MS - 40);
  t.same(problems(), ['unreadable'], 'it is being written, and not broken');
  await pass(60);
  t.same(problems(), ['unreadable', 'invalid-json']);
});
