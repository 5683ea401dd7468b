import t from 'tap';
import { FILTER_LIMITS } from '../../../../protocol/index.js';
import { EVENT_PARAMETERS, readQuery, RECORD_PARAMETERS } from '../../../../server/network/http/query.js';

const read = (query: string) => readQuery(query, EVENT_PARAMETERS, FILTER_LIMITS);

t.test('parameters have the names of the flags of watch, and can be repeated', async (t) => {
  const query = read(
    'kind=reservations&kind=intent&run_id=a&branch=b&address=src%2F**&event_type=added&id=x&max_events=3',
  );
  t.same(query.filter, {
    kinds: ['intent', 'reservation'],
    run_ids: ['a'],
    branches: ['b'],
    addresses: ['src/**'],
    event_types: ['added'],
    ids: ['x'],
  });
  t.equal(query.maxEvents, 3);
  t.equal(query.snapshot, 'full');
});

t.test('an empty query asks for everything', async (t) => {
  t.same(read(''), {
    filterInput: {},
    filter: {},
    maxEvents: undefined,
    since: undefined,
    snapshot: 'full',
    onlyProblems: false,
    query: undefined,
  });
});

const REFUSED: readonly (readonly [query: string, text: RegExp])[] = [
  ['run-id=a', /no parameter "run-id" here; did you mean run_id\?/],
  ['kinds=task', /did you mean kind\?/],
  ['brnach=x', /did you mean branch\?/],
  ['max-events=1', /did you mean max_events\?/],
  ['xyzzy=1', /there are kind, run_id/],
  ['token=secret', /the token goes into the header Authorization: Bearer/],
  ['problem=1', /no parameter "problem" here/],
  ['kind=tusk', /^kind: "tusk" is no kind, did you mean "task"\?/],
  ['event_type=add', /^event_types?: "add" is no event type, did you mean "added"\?/],
  [`run_id=${'x'.repeat(257)}`, /^run_id: a value has 257 characters; at most 256/],
  ['run_id=', /^run_id is empty/],
  ['run_id=%20', /^run_id is empty/],
  ['id=%ff', /^"id" is not UTF-8 in percent-encoding/],
  ['id=%e', /^"id" is not UTF-8 in percent-encoding/],
  ['id=caf\ufffd', /^"id" is not UTF-8 in percent-encoding/],
  ['max_events=0', /^max_events must be/],
  ['max_events=1.5', /^max_events must be/],
  ['max_events=2147483648', /^max_events must be/],
  ['max_events=1&max_events=2', /^max_events can be given once/],
  ['since=yesterday', /^since must be a cursor/],
  ['query=knd:task', /^query: no field “knd”, did you mean kind\?/],
  ['query=lag:>1ms', /^query: \/events does not use lag:; it uses kind, run/],
  ['query=/x/', /^query: \/events does not use a regular expression/],
  [`query=${'x'.repeat(2_049)}`, /^query has more than 2048 characters/],
  ['snapshot=some', /^snapshot must be full or none/],
];

for (const [query, text] of REFUSED) {
  t.test(`${query.slice(0, 30)} is refused with the right name or value`, async (t) => {
    t.throws(() => read(query), { name: 'ParameterError', message: text });
  });
}

t.test('a plus that may be a space is read both ways, and an encoded one only as itself', async (t) => {
  t.same(read('address=app/+page.ts').filter.addresses, ['app/ page.ts', 'app/+page.ts']);
  t.same(read('address=app/%2Bpage.ts').filter.addresses, ['app/+page.ts']);
  t.same(read('id=a+b&id=%2B&id=+').filter.ids, ['+', 'a b', 'a+b']);
});

t.test('a list of records takes no cursor', async (t) => {
  t.throws(() => readQuery('since=E:1', RECORD_PARAMETERS, FILTER_LIMITS), { message: /no parameter "since" here/ });
  t.equal(readQuery('problem=1', RECORD_PARAMETERS, FILTER_LIMITS).onlyProblems, true);
  t.throws(() => readQuery('problem=yes', RECORD_PARAMETERS, FILTER_LIMITS), { message: /problem must be 1/ });
});
