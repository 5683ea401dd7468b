import t from 'tap';
import { packRecord, revision, unixMillis, type Problem } from '../../../protocol/index.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { NOW } from '../../support/changes.js';

const followed = { runId: 'a', branch: 'main' };

interface Said {
  readonly data?: { readonly n: number };
  readonly at?: number;
  readonly problem?: Problem;
  readonly run?: string;
}

const beat = ({ data = { n: 1 }, at = 0, problem, run = 'a' }: Said): RecordVersion =>
  new RecordVersion('heartbeat', 'h', data, revision(1), unixMillis(NOW + at), undefined, problem, {
    ...followed,
    runId: run,
  });

t.test(
  'only the reservation that a record names has changed, if what it says, when and how well did not',
  async (t) => {
    const before = beat({});
    t.ok(beat({ run: 'b' }).differsOnlyInFollowed(before));
    t.notOk(beat({}).differsOnlyInFollowed(before), 'nothing differs');
    t.notOk(beat({ data: { n: 2 } }).differsOnlyInFollowed(before));
    t.notOk(beat({ run: 'b', data: { n: 2 } }).differsOnlyInFollowed(before));
    t.notOk(beat({ run: 'b', at: 1 }).differsOnlyInFollowed(before), 'its file was written too');
    t.notOk(beat({ run: 'b', problem: 'unreadable' }).differsOnlyInFollowed(before));
  },
);

t.test('a version that is made from its bytes says and is found by what the first one is', async (t) => {
  const first = beat({});
  const { kind, id, observedAt, problem } = first;
  const again = RecordVersion.restored(
    kind,
    id,
    packRecord({ n: 1 }),
    revision(1),
    observedAt,
    undefined,
    problem,
    followed,
  );
  t.same(again.matchable, first.matchable);
  t.same([again.data, again.json], [{ n: 1 }, '{"n":1}']);
  const moved = first.following({ ...followed, runId: 'b' }, revision(2));
  t.match(moved, { revision: 2, data: { n: 1 }, followed: { runId: 'b' }, matchable: beat({ run: 'b' }).matchable });
});
