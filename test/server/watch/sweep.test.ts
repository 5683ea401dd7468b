import t from 'tap';
import { KINDS, LEASE_KINDS, type Kind } from '../../../protocol/index.js';
import { completenessOf, type Completeness } from '../../../server/watch/completeness.js';
import { Sweep } from '../../../server/watch/sweep.js';
import { ManualClock } from '../../support/manual-clock.js';

const INOTIFY = completenessOf('inotify', { is: 'local', name: 'ext4' });
const SHARED = completenessOf('inotify', { is: 'shared', name: 'nfs' });
const FSEVENTS = completenessOf('FSEvents', { is: 'local', name: 'ext4' });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A sweep over directories of which the test says how they look. A mark of 0: the directory is not there. */
function swept(completeness: Completeness = INOTIFY) {
  const clock = new ManualClock();
  const marks = new Map<Kind, number>(KINDS.map((kind) => [kind, 1]));
  const compared: Kind[] = [];
  const directory = { isSeen: true, agoMs: 3_600_000 };
  const sweep = new Sweep({
    clock,
    completeness: () => completeness,
    glance: (kind) => {
      const mark = marks.get(kind)!;
      const changedNs = BigInt(clock.now() - directory.agoMs) * 1_000_000n + 1n;
      return mark === 0 ? undefined : { mark: String(mark), changedNs };
    },
    rescan: (kind) => {
      compared.push(kind);
      return Promise.resolve(directory.isSeen);
    },
  });
  sweep.begin();
  const change = (kind: Kind): void => void marks.set(kind, marks.get(kind)! + 1);
  /** The directories that a look has compared. */
  const look = async (): Promise<Kind[]> => {
    sweep.look();
    await turn();
    await turn();
    return compared.splice(0);
  };
  return { sweep, clock, marks, directory, change, look, compared };
}

t.test('a directory that has changed without a hint is compared once for that change', async (t) => {
  const { sweep, change, look, marks } = swept();
  t.same(await look(), [], 'nothing has changed');
  change('task');
  change('intent');
  t.same((await look()).sort(), ['intent', 'task']);
  t.same(await look(), []);
  change('task');
  t.same(await look(), ['task'], 'the next change is another one');
  marks.set('task', 0);
  t.same(await look(), [], 'that a directory is gone is noticed by the check of the directories');
  t.ok(sweep.hintedUpToNow()('task'));
  marks.set('task', 3);
  t.same(await look(), [], 'and so is that it has come back as it was');
});

t.test('a hint tells of one change, also if it comes only with the next turn of the loop', async (t) => {
  const { sweep, change, look, compared } = swept();
  change('task');
  sweep.hinted('task');
  t.same(await look(), []);
  change('task');
  t.same(await look(), ['task'], 'a hint of the change before says nothing about this one');
  change('task');
  sweep.look();
  t.same(compared, [], 'the kernel may still hold the hint');
  sweep.hinted('task');
  await turn();
  t.same(compared, []);
});

t.test(
  'a hint of a change inside of a file, which leaves the directory as it was, tells of no later change',
  async (t) => {
    const { sweep, change, look } = swept();
    sweep.hinted('task');
    await look();
    change('task');
    t.same(await look(), ['task']);
  },
);

t.test('where another end may write, and where hints come late, a hint proves nothing', async (t) => {
  for (const completeness of [SHARED, FSEVENTS]) {
    const { sweep, change, look } = swept(completeness);
    change('task');
    sweep.hinted('task');
    t.same(await look(), ['task']);
    t.same(await look(), []);
  }
});

t.test('a comparison that could not see the directory is made again', async (t) => {
  const { change, look, directory } = swept();
  directory.isSeen = false;
  change('task');
  t.same(await look(), ['task']);
  directory.isSeen = true;
  t.same(await look(), ['task']);
  t.same(await look(), []);
});

t.test('without prompt hints, a directory that has just changed may change again with the same time', async (t) => {
  const { change, look, directory } = swept(FSEVENTS);
  directory.agoMs = 49;
  change('task');
  t.same(await look(), ['task']);
  t.same(await look(), ['task'], 'until the time of the change is old enough');
  directory.agoMs = 50;
  t.same(await look(), ['task']);
  t.same(await look(), []);
  const prompt = swept(INOTIFY);
  prompt.directory.agoMs = 0;
  prompt.change('task');
  t.same(await prompt.look(), ['task']);
  t.same(await prompt.look(), [], 'with them, such a change gives a hint');
});

t.test('hints decide about leases while no directory of theirs has changed without one', async (t) => {
  const { sweep, change, marks } = swept();
  t.ok(sweep.hintsSuffice(LEASE_KINDS));
  change('task');
  t.ok(sweep.hintsSuffice(LEASE_KINDS), 'another kind');
  change('heartbeat');
  t.notOk(sweep.hintsSuffice(LEASE_KINDS));
  sweep.hinted('heartbeat');
  t.ok(sweep.hintsSuffice(LEASE_KINDS));
  marks.set('heartbeat', 0);
  t.ok(sweep.hintsSuffice(LEASE_KINDS));
  t.notOk(swept(SHARED).sweep.hintsSuffice(LEASE_KINDS), 'and no other end writes');
});

t.test('what was changed up to a moment is told when its hint has come, whatever is changed later', async (t) => {
  const { sweep, change, marks } = swept();
  change('task');
  const isHinted = sweep.hintedUpToNow();
  t.ok(isHinted('intent'), 'no change');
  t.notOk(isHinted('task'));
  change('intent');
  t.ok(isHinted('intent'));
  sweep.hinted('task');
  t.ok(isHinted('task'));
  marks.set('task', 0);
  t.ok(sweep.hintedUpToNow()('task'), 'a directory that is not there');
  t.notOk(swept(SHARED).sweep.hintedUpToNow()('task'), 'another end may write');
});
