import t from 'tap';
import { complete } from '../../../client/inspector/model/completion.js';
import type { Subject } from '../../../client/inspector/model/query.js';
import { parseQuery, splitWords } from '../../../client/inspector/model/query-parser.js';

const subject: Subject = {
  kind: 'reservation',
  id: 'sha256:abc',
  revision: 120,
  type: 'added',
  bytes: 340,
  lagMs: 12,
  data: { run_id: 'agent-42', branch: 'feature/billing', addresses: ['src/billing.py::compute_total', 'src/a b.py'] },
};

const passes = (text: string, of: Subject = subject): boolean | string => {
  const parsed = parseQuery(text);
  return parsed.ok ? parsed.query.matchesEvent(of) : parsed.error.message;
};

t.test('fields join with AND, the values of one with OR', async (t) => {
  for (const [text, expected] of [
    ['', true],
    ['kind:reservation', true],
    ['kind:reservations', true],
    ['kind:intent', false],
    ['kind:intent,reservation', true],
    ['kind:intent kind:reservation', true],
    ['kind:reservation branch:main', false],
    ['run:agent-4*', true],
    ['run:agent-4', false],
    ['run:agent-4?', true],
    ['addr:src/billing.py::*', true],
    ['addr:"src/a b.py"', true],
    ['branch:feature/*', true],
    ['!type:modified', true],
    ['-type:added', false],
    ['!kind:intent,claim', true],
    ['rev:>100', true],
    ['rev:<=100', false],
    ['rev:120', true],
    ['lag:>10ms bytes:<1000', true],
    ['billing', true],
    ['BILLING nothing', false],
    ['/compute_(total|sum)/', true],
    ['/COMPUTE/', false],
    ['/COMPUTE/i', true],
    ['!/compute/', false],
    ['sha256:abc', true],
    ['src/billing.py::compute_total', true],
    ['run:', true],
  ] as const) {
    t.equal(passes(text), expected, text === '' ? 'nothing asked' : text);
  }
});

t.test('an invalid query says where the error is and what may have been meant', async (t) => {
  for (const [text, message, at] of [
    ['branch:main knd:task', /no field “knd”, did you mean kind\?/, 12],
    ['kind:reserv', /no kind “reserv”/, 0],
    ['type:gone', /no type “gone”/, 0],
    ['rev:many', /not a number/, 0],
    ['/(/', /Invalid regular expression|Unterminated group/, 0],
    ['run:*a*b*c*d*e*f*g*h*i', /more than eight/, 0],
  ] as const) {
    const parsed = parseQuery(text);
    if (parsed.ok) t.fail(`${text} was understood`);
    else {
      t.match(parsed.error.message, message);
      t.equal(parsed.error.at, at);
    }
  }
});

t.test('quotes and slashes keep spaces in a word', async (t) => {
  const words = splitWords('run:"a b" /c d/i  e').map(({ text }) => text);
  t.same(words, ['run:"a b"', '/c d/i', 'e']);
});

t.test('current records are matched by run, branch, address and text only', async (t) => {
  const parsed = parseQuery('type:modified kind:intent branch:feature/*');
  t.ok(parsed.ok && parsed.query.matchesRecord(subject));
  const other = parseQuery('type:added branch:main');
  t.notOk(other.ok && other.query.matchesRecord(subject));
});

t.test('a query can ask for heartbeats by name', async (t) => {
  const asks = (text: string) => {
    const parsed = parseQuery(text);
    return parsed.ok && parsed.query.asksForHeartbeats;
  };
  t.same(['kind:heartbeat', 'kind:heartbeats,task', '!kind:heartbeat', 'run:heartbeat'].map(asks), [
    true,
    true,
    false,
    false,
  ]);
});

t.test('completion offers fields, then values; those that begin with the text come first', async (t) => {
  const vocabulary = { runs: ['my agent', 'agent-1'], branches: ['main'], addresses: ['src/a.py::f'] };
  const choices = (text: string) => complete(text, text.length, vocabulary).choices.map(({ insert }) => insert);
  t.same(choices('br'), ['branch:']);
  t.same(choices('!ty'), ['!type:']);
  t.same(choices('kind:re'), ['kind:reservation', 'kind:release']);
  t.same(choices('kind:task,cl'), ['kind:task,claim']);
  t.same(choices('run:agent'), ['run:agent-1', 'run:"my agent"']);
  t.same(complete('kind:task branch:m x', 18, vocabulary).from, 10);
});
