import t from 'tap';
import { completenessOf, isPrompt, checkPlanOf, mayEndLeases, missesOf } from '../../../server/watch/completeness.js';

const LOCAL = { is: 'local', name: 'ext4' } as const;
const WANTED = { reconcileMs: 60_000, pollIntervalMs: 300 };

t.test(
  'what hints leave out follows from the mechanism and the file system, and so does how often is looked',
  async (t) => {
    for (const [mechanism, fileSystem, misses, plan, prompt, leases] of [
      ['inotify', 'local', [], [1_000, 60_000, 400], true, true],
      ['ReadDirectoryChangesW', 'local', [], [1_000, 60_000, 400], true, true],
      ['inotify', 'layered', ['other-end'], [250, 500, 50], true, false],
      ['inotify', 'unreported', ['other-end'], [250, 500, 50], true, false],
      ['inotify', 'shared', ['other-end'], [250, 500, 50], true, false],
      ['inotify', 'unknown', ['other-end'], [250, 500, 50], true, false],
      ['FSEvents', 'local', ['gaps'], [10, 60_000, 400], false, false],
      ['FSEvents', 'shared', ['other-end', 'gaps'], [10, 500, 50], false, false],
      ['kqueue', 'local', ['in-place'], [1_000, 1_000, 50], false, false],
      ['event ports', 'shared', ['in-place', 'other-end'], [250, 500, 50], false, false],
      ['polling', 'local', ['everything'], [300, 300, 50], false, false],
    ] as const) {
      const completeness = completenessOf(mechanism, { is: fileSystem, name: '' });
      const { sweepMs, compareMs, restFactor } = checkPlanOf(completeness, WANTED);
      const what = `${mechanism}, ${fileSystem}`;
      t.same(missesOf(completeness), misses, what);
      t.same([sweepMs, compareMs, restFactor], plan, what);
      t.equal(isPrompt(completeness), prompt, what);
      t.equal(mayEndLeases(completeness), leases, what);
    }
  },
);

t.test('hints are prompt only if nothing is missing of them', async (t) => {
  const whole = completenessOf('inotify', LOCAL);
  t.ok(isPrompt(whole));
  for (const less of [
    { names: 'directories' },
    { inPlace: 'silent' },
    { rearming: 'loses' },
    { latencyMs: 1 },
  ] as const)
    t.notOk(isPrompt({ ...whole, ...less }), JSON.stringify(less));
});

t.test('hints that come late are looked for faster than they come, from 10 ms on', async (t) => {
  const late = (latencyMs: number) => checkPlanOf({ ...completenessOf('inotify', LOCAL), latencyMs }, WANTED).sweepMs;
  t.same([late(10), late(11)], [1_000, 10]);
});

t.test(
  'an operator who wants comparisons more often gets them, and polling looks at least once a second',
  async (t) => {
    const often = { reconcileMs: 200, pollIntervalMs: 5_000 };
    const plan = (mechanism: 'inotify' | 'kqueue' | 'polling', is: 'local' | 'shared') =>
      checkPlanOf(completenessOf(mechanism, { is, name: '' }), often);
    t.equal(plan('inotify', 'shared').compareMs, 200);
    t.equal(plan('kqueue', 'local').compareMs, 200);
    t.match(plan('polling', 'local'), { sweepMs: 1_000, compareMs: 5_000 });
  },
);
