import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  compileQuery,
  markedQuery,
  splitWords,
  type QueryOptions,
  type QuerySubject,
} from '../../../protocol/index.js';

const NOW = Date.parse('2026-03-30T15:00:00Z');

const subject: QuerySubject = {
  kind: 'reservation',
  id: 'sha256:abc',
  revision: 120,
  type: 'added',
  bytes: 340,
  lagMs: 12,
  atMs: NOW - 60_000,
  data: { run_id: 'agent-42', branch: 'feature/billing', addresses: ['src/billing.py::compute_total', 'src/a b.py'] },
};

const passes = (text: string, of: QuerySubject = subject): boolean | string => {
  const parsed = compileQuery(text, { clock: () => NOW });
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
    ['kind:intent OR branch:feature/*', true],
    ['kind:intent OR branch:main', false],
    ['kind:reservation branch:main OR run:agent-42 AND type:added', true],
    ['"billing.py::compute"', true],
    ['"OR"', false],
    ['addr:src/billing.py', true],
    ['addr:src', true],
    ['addr:src/bill', false],
    ['addr:src/billing.py::compute_total.inner', true],
    ['addr:"src/a b.py",nothing', true],
    ['bytes:>0.3KB bytes:<1KiB', true],
    ['bytes:400..500', false],
    ['rev:100..120', true],
    ['lag:<1s', true],
    ['since:5m', true],
    ['since:30s', false],
    ['until:30s', true],
    ['since:14:58 until:15:00', true],
    ['since:2026-03-30T14:59:30Z', false],
    ['agent:agent-42', true],
    ['run:*a*a*a*a*a*a*a*a*a*a*b', false],
  ] as const) {
    t.equal(passes(text), expected, text === '' ? 'nothing asked' : text);
  }
});

t.test('an invalid query says where the error is and what may have been meant', async (t) => {
  for (const [text, message, at] of [
    ['branch:main knd:task', /no field “knd”, did you mean kind\?/, 12],
    ['kind:reserv', /no kind “reserv”/, 5],
    ['kind:task,reserv', /no kind “reserv”/, 10],
    ['type:gone', /no type “gone”/, 5],
    ['!rev:>many', /not a number/, 6],
    ['bytes:>1parsec', /no unit “parsec”.*units are/, 8],
    ['since:yesterday', /not a time; write 5m/, 6],
    ['since:25:00', /not a time of day/, 6],
    ['/(/', /Invalid regular expression|Unterminated group/, 0],
    ['run:a branch:"ma in', /quote is not closed/, 13],
    ['run:', /run: has no value/, 4],
    ['OR kind:task', /OR needs a term before it/, 0],
    ['kind:task OR', /OR needs a term after it/, 10],
    ['kind:task (run:a OR run:b)', /parentheses do not group/, 10],
  ] as const) {
    const parsed = compileQuery(text);
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
  const parsed = compileQuery('type:modified kind:intent branch:feature/*');
  t.ok(parsed.ok && parsed.query.matchesRecord(subject));
  const other = compileQuery('type:added branch:main');
  t.notOk(other.ok && other.query.matchesRecord(subject));
});

t.test('a query can ask for heartbeats by name', async (t) => {
  const asks = (text: string) => {
    const parsed = compileQuery(text);
    return parsed.ok && parsed.query.asksForHeartbeats;
  };
  t.same(['kind:heartbeat', 'kind:heartbeats,task', '!kind:heartbeat', 'run:heartbeat'].map(asks), [
    true,
    true,
    false,
    false,
  ]);
});

t.test('what is still being typed is no error', async (t) => {
  for (const text of ['run:', 'branch:"ma', 'kind:task OR', '!', '"']) {
    t.ok(compileQuery(text, { isTyping: true }).ok, text);
  }
});

t.test('a view says which field it does not use', async (t) => {
  const options: QueryOptions = { fields: ['run', 'text'], view: 'top' };
  t.ok(compileQuery('run:a* free', options).ok);
  for (const [text, message] of [
    ['run:a lag:>1ms', 'top does not use lag:; it uses run'],
    ['run:a /x/', 'top does not use a regular expression; it uses run'],
    ['run:a rum:b', 'no field “rum”, did you mean run? — fields are run'],
  ] as const) {
    const compiled = compileQuery(text, options);
    t.match(compiled, { ok: false, error: { message, at: 6 } });
  }
});

t.test('the caret stands under the wrong character, also behind one that is escaped', async (t) => {
  const text = '\u0007 knd:task';
  const compiled = compileQuery(text);
  t.notOk(compiled.ok);
  if (!compiled.ok) {
    t.strictSame(
      markedQuery(text, compiled.error, (shown) => shown.length),
      ['\\u{7} knd:task', '      ^'],
    );
  }
});

t.test('every example of docs/QUERIES.md compiles', async (t) => {
  const document = readFileSync(new URL('../../../docs/QUERIES.md', import.meta.url), 'utf8');
  const examples = /^```\n([^]*?)^```/m.exec(document)![1]!.trim().split('\n');
  t.ok(examples.length >= 6);
  for (const example of examples) t.ok(compileQuery(example).ok, example);
});
