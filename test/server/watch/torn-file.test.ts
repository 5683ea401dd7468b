import t from 'tap';
import { revision, type Kind } from '../../../protocol/index.js';
import { silentLog } from '../../../server/runtime/log.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { IgnoredFiles } from '../../../server/watch/ignored-files.js';
import { Ingest } from '../../../server/watch/ingest.js';
import type { Reading, RecordReader } from '../../../server/watch/record-reader.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { broken, NOW } from '../../support/changes.js';
import { ManualClock } from '../../support/manual-clock.js';

const SETTLE_MS = 200;

/** An ingest over one file, which is found half-written whenever it is looked at, where it can be. */
function overTornFile(store = new RecordStore()) {
  const clock = new ManualClock();
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
    folds: () => false,
    listedName: () => undefined,
    seen: (kinds) => new Set(kinds),
    known: (kinds) => new Set(kinds),
    verifyDirectories: () => undefined,
    hintsAreComplete: () => true,
    hintsSuffice: () => true,
    reconcileSoon: () => undefined,
  });
  ingest.start();
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 10) {
      clock.advance(10);
      for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  const rewrite = (): void => {
    file.mtimeNs++;
  };
  const hint = (): void => {
    ingest.record('heartbeat', 'h');
  };
  return { ingest, events, pass, rewrite, hint, machine };
}

t.test('a file that stays broken is said to be after the settle time', async (t) => {
  const { ingest, events, pass, hint } = overTornFile();
  t.teardown(() => ingest.stop());
  hint();
  await pass(SETTLE_MS - 20);
  t.same(events, []);
  await pass(40);
  t.same(
    events.map(({ after }) => after?.problem),
    ['invalid-json'],
  );
});

t.test('a file that is written again and again is given its settle time anew, up to ten times', async (t) => {
  const { ingest, events, pass, rewrite, hint } = overTornFile();
  t.teardown(() => ingest.stop());
  hint();
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

t.test('a file that could not be read is given its settle time when it can be and is half-written', async (t) => {
  const { ingest, events, pass, rewrite, hint, machine } = overTornFile();
  t.teardown(() => ingest.stop());
  hint();
  const problems = () => events.map(({ after }) => after?.problem);
  machine.hasDescriptors = false;
  rewrite();
  hint();
  await pass(4 * SETTLE_MS);
  t.same(problems(), ['unreadable']);
  machine.hasDescriptors = true;
  rewrite();
  hint();
  await pass(SETTLE_MS - 40);
  t.same(problems(), ['unreadable'], 'it is being written, and not broken');
  await pass(60);
  t.same(problems(), ['unreadable', 'invalid-json']);
});

t.test('a file that could not be read before a restart is tried again after it, without a hint', async (t) => {
  const earlier = new RecordStore();
  earlier.apply(broken('heartbeat', 'h', 'unreadable'), NOW);
  const store = new RecordStore();
  const standing = earlier.cut().versions.map((version) => ({ version, lapsedAt: revision(0) }));
  store.restore(standing, earlier.revision);
  const { ingest, events, pass } = overTornFile(store);
  t.teardown(() => ingest.stop());
  await pass(SETTLE_MS + 40);
  t.same(
    events.map(({ after }) => after?.problem),
    ['invalid-json'],
    'what it is now',
  );
});
