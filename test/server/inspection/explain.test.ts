import { silentLog } from '../../../server/runtime/log.js';
import t from 'tap';
import {
  compileFilter,
  epoch,
  parseFilter,
  readInspection,
  revision,
  unixMillis,
  FILTER_LIMITS,
  type ExplainCode,
  type ExplainParams,
  type Explanation,
  type FilterInput,
  type Verdict,
} from '../../../protocol/index.js';
import { CatchUp } from '../../../server/delivery/catch-up.js';
import { explainDelivery, explainFilter } from '../../../server/inspection/explain.js';
import { Hub } from '../../../server/delivery/hub.js';
import { Heartbeat } from '../../../server/sessions/heartbeat.js';
import { Session } from '../../../server/sessions/session.js';
import { DEFAULT_LIMITS } from '../../../server/config/options.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { FakeSocket } from '../../support/fake-socket.js';
import { UNSUPERVISED } from '../../../server/runtime/supervisor.js';

/** A turn of the loop with unlimited time. */
const UNBOUNDED_TURN = { now: unixMillis(0), isSpent: () => false };

const HEALTH = { backend: 'none', healthy: true, last_scan_ms: 0, state: 'watching' } as const;

const SUB = 1;

/** A hub with one connection, and records that the test puts. */
class Bench {
  readonly clock = new ManualClock();
  readonly store = new RecordStore();
  readonly hub: Hub;
  readonly socket = new FakeSocket('json');
  readonly session: Session;
  #mtime = 0n;

  constructor(maxHistoryEvents = 100, maxQueuedBytes = DEFAULT_LIMITS.maxQueuedBytes) {
    const limits = { ...DEFAULT_LIMITS, maxHistoryEvents, maxQueuedBytes };
    this.hub = new Hub({ epoch: epoch('E'), store: this.store }, limits);
    this.session = new Session(1, this.socket, 'json', {
      hub: this.hub,
      catchUp: new CatchUp(this.hub, limits.maxQueuedBytes, () => undefined),
      turn: () => UNBOUNDED_TURN,
      clock: this.clock,
      limits,
      log: silentLog,
      supervision: UNSUPERVISED,
      welcome: () => ({}) as never,
      closed: () => undefined,
      heartbeat: () => new Heartbeat(revision(0), this.clock.now(), this.clock.elapsed(), HEALTH),
      readNow: () => Promise.resolve(),
      inspect: () => {
        throw new Error('not asked here');
      },
    });
  }

  put(id: string, data: object): this {
    const signature = { inode: 1, size: 1, mtimeNs: ++this.#mtime };
    const change = { is: 'present', kind: 'task', id, signature, data: data as never } as const;
    this.hub.publish(this.store.apply(change, this.clock.now()));
    return this;
  }

  remove(id: string): this {
    this.hub.publish(this.store.apply({ is: 'absent', kind: 'task', id }, this.clock.now()));
    return this;
  }

  subscribe(options: object): this {
    this.session.message(Buffer.from(JSON.stringify([1, SUB, options])), false);
    return this;
  }

  why(params: ExplainParams): Explanation {
    const question = readQuestion({ sub: SUB, ...params });
    return explainDelivery(this.hub, this.session.subscriber.progress(SUB as never)!, question);
  }

  would(filterInput: FilterInput, params: ExplainParams): Explanation {
    const filter = parseFilter(filterInput);
    return explainFilter(this.hub, filter, compileFilter(filter), readQuestion({ filter: filterInput, ...params }));
  }
}

function readQuestion(params: ExplainParams) {
  const inspection = readInspection('explain', params, FILTER_LIMITS);
  if (inspection.topic !== 'explain') throw new Error('another topic');
  return inspection.question;
}

const shape = ({ verdict, reasons }: Explanation): [Verdict, ...ExplainCode[]] => [
  verdict,
  ...reasons.map(({ code }) => code),
];

const T1 = { kind: 'task', id: 't1' } as const;

t.test(
  'the explanation of a filter that does not match names each field, the wanted and the found values',
  async (t) => {
    const bench = new Bench().put('t1', { run_id: 'a', branch: 'feat/billing' });
    const answer = bench.would({ kinds: ['task'], run_ids: ['b'], addresses: ['src/**'] }, T1);
    t.equal(answer.verdict, 'would not match');
    t.match(answer.reasons, [
      { code: 'filter-field', field: 'run_ids', wanted: ['b'], found: ['a'] },
      { code: 'filter-field', field: 'addresses', wanted: ['src/**'], found: [] },
    ]);
    t.match(answer.reasons[0]?.text, 'run_ids asks for "b"; the record has "a"');
  },
);

t.test('a filter is applied to the last event, or to the one in question', async (t) => {
  const bench = new Bench().put('t1', { branch: 'x' }).put('t1', { branch: 'y' }).remove('t1');
  t.same(shape(bench.would({ branches: ['y'] }, T1)), ['would match', 'matched']);
  t.same(shape(bench.would({ branches: ['x'] }, { revision: 1 })), ['would match', 'matched']);
  t.same(shape(bench.would({ branches: ['x'] }, { revision: 2 })), ['would match', 'left-filter', 'filter-field']);
  t.same(shape(bench.would({ branches: ['y'] }, { revision: 2 })), ['would match', 'entered-filter']);
  const types = bench.would({ event_types: ['added'] }, { revision: 3 });
  t.match(types, {
    verdict: 'would not match',
    reasons: [{ field: 'event_types', wanted: ['added'], found: ['removed'] }],
  });
});

t.test('a question about a record or revision that does not exist is answered with unknown', async (t) => {
  const bench = new Bench(2).put('t1', {}).put('t2', {}).put('t2', { n: 1 }).put('t2', { n: 2 });
  t.same(shape(bench.would({}, { kind: 'task', id: 'nobody' })), ['unknown', 'no-such-record']);
  t.same(shape(bench.would({}, { revision: 99 })), ['unknown', 'not-yet']);
  t.same(shape(bench.would({}, { revision: 2 })), ['unknown', 'compacted']);
  t.same(shape(bench.would({}, { ...T1, revision: 4 })), ['unknown', 'other-record']);
  t.same(
    shape(bench.would({}, T1)),
    ['would match', 'matched'],
    'the record exists, its transition is no longer in history',
  );
  t.same(shape(bench.would({}, { ...T1, revision: 1 })), ['would match', 'matched']);
});

t.test('a live subscription was sent what its filter matches, and nothing else', async (t) => {
  const bench = new Bench().subscribe({ filter: { branches: ['x'] } });
  bench.put('t1', { branch: 'x' }).put('t2', { branch: 'y' }).put('t1', { branch: 'y' });
  t.same(shape(bench.why({ revision: 1 })), ['delivered', 'matched', 'matched']);
  t.same(shape(bench.why({ revision: 2 })), ['not delivered', 'filter-field']);
  t.same(shape(bench.why({ revision: 3 })), ['delivered', 'left-filter', 'filter-field', 'matched']);
});

t.test('an event before the subscription began is in its snapshot, or was not delivered', async (t) => {
  const bench = new Bench().put('t1', {}).put('t2', {}).put('t2', { n: 1 }).put('t3', {}).remove('t3').subscribe({});
  t.same(shape(bench.why(T1)), ['delivered', 'matched', 'in-snapshot']);
  t.same(shape(bench.why({ revision: 2 })), ['not delivered', 'matched', 'before-subscription'], 'replaced by then');
  t.same(shape(bench.why({ kind: 'task', id: 't3' })), ['not delivered', 'matched', 'before-subscription']);

  const without = new Bench().put('t1', {}).subscribe({ snapshot: 'none' });
  t.same(shape(without.why(T1)), ['not delivered', 'matched', 'before-subscription']);

  const changesOnly = new Bench().put('t1', {}).subscribe({ filter: { event_types: ['added'] } });
  t.same(shape(changesOnly.why(T1)), ['not delivered', 'matched', 'before-subscription']);
});

t.test('an event that the filter does not match may still have led to the state in the snapshot', async (t) => {
  const bench = new Bench().put('t1', {}).subscribe({ filter: { event_types: ['snapshot'] } });
  t.same(shape(bench.why(T1)), ['delivered', 'in-snapshot']);
});

t.test('events after the cap are not delivered, exactly from the first one on', async (t) => {
  const bench = new Bench().put('t0', {}).subscribe({ max_events: 2 }).put('t1', {}).put('t2', {});
  t.match(bench.why({ revision: 2 }), { verdict: 'delivered', ended: 'max_events' });
  t.match(bench.why({ revision: 3 }), { verdict: 'not delivered', ended: 'max_events' });
  t.same(shape(bench.why({ revision: 3 })), ['not delivered', 'matched', 'cap-reached']);

  const inSnapshot = new Bench().put('t0', {}).put('t1', {}).subscribe({ max_events: 1 });
  t.same(shape(inSnapshot.why({ revision: 1 })), ['delivered', 'matched', 'in-snapshot']);
  t.same(shape(inSnapshot.why({ revision: 2 })), ['not delivered', 'matched', 'cap-reached']);
});

t.test('an ended subscription can still be explained', async (t) => {
  const bench = new Bench().subscribe({}).put('t1', {});
  bench.session.message(Buffer.from(JSON.stringify([2, SUB])), false);
  bench.put('t2', {});
  t.equal(bench.why({ revision: 1 }).verdict, 'delivered');
  t.same(shape(bench.why({ revision: 2 })), ['not delivered', 'matched', 'unsubscribed']);
});

t.test('a lagging subscription will receive the event later', async (t) => {
  const bench = new Bench(100, 1).subscribe({});
  bench.socket.mode = 'stalled';
  bench.put('t1', {}).put('t2', {});
  t.equal(bench.why({ revision: 1 }).verdict, 'delivered');
  t.same(shape(bench.why({ revision: 2 })), ['pending', 'matched', 'lagging']);
});

t.test('a cursor that history does not reach leads to a resync, which the explanation names', async (t) => {
  const bench = new Bench(1).put('t1', {}).put('t2', {}).put('t2', { n: 1 }).subscribe({ since: 'E:0' });
  t.match(bench.why(T1), { verdict: 'delivered', resync: 'compacted' });
  const gone = new Bench(2).put('t1', {}).put('t1', { n: 1 }).remove('t1').subscribe({ since: 'E:0' });
  t.same(shape(gone.why(T1)), ['not delivered', 'matched', 'resync']);
});
