import t from 'tap';
import { unseenOf } from '../../../client/sdk/unseen.js';
import type { WatchHealth } from '../../../protocol/index.js';

const HEALTH: WatchHealth = { backend: 'inotify', healthy: true, state: 'watching', last_scan_ms: 1 };

t.test('a server that sees all files, and what is said of one that does not', async (t) => {
  t.equal(unseenOf(HEALTH), undefined);
  t.equal(unseenOf({ ...HEALTH, origin: 'present' }), undefined);
  const cases: readonly (readonly [Partial<WatchHealth>, ReturnType<typeof unseenOf>])[] = [
    [
      { origin: 'away', healthy: false, origin_heard_ms: 5 },
      { why: 'the origin of this edge is away', sinceMs: 5, isAll: true },
    ],
    [
      { state: 'suspect', healthy: false, since: 5, why: 'claims/ cannot be listed' },
      { why: 'claims/ cannot be listed', sinceMs: 5, isAll: false },
    ],
    [
      { state: 'gone', healthy: false, since: 5, why: 'another repository is there' },
      { why: 'another repository is there', sinceMs: 5, isAll: true },
    ],
  ];
  for (const [health, unseen] of cases) t.same(unseenOf({ ...HEALTH, ...health }), unseen);
  const { state: _, ...old } = HEALTH;
  t.equal(unseenOf(old), undefined, 'an older server sends no state');
  t.same(unseenOf({ ...old, healthy: false }), {
    why: 'the watcher (inotify) is unhealthy',
    sinceMs: undefined,
    isAll: false,
  });
});
