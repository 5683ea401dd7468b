import t from 'tap';
import { compileQuery, splitWords, type QueryOptions, type QuerySubject } from '../../../protocol/index.js';

const NOW = Date.parse('2026-03-30T15:00:00Z');
const subject: QuerySubject = {
  kind: 'reservation',
  id: 'sha256:abc',
  revision: 120,
  type: 'added',
  bytes: 1_250,
  lagMs: 60_000,
  atMs: NOW - 60_000,
  reason: 'ttl',
  problem: 'invalid-json',
  data: { run_id: 'agent-42', branch: 'feature/billing', addresses: ['src/billing.py::compute_total'] },
};
const ofRun = (run_id: unknown): QuerySubject => ({ data: { run_id } as QuerySubject['data'] });

/** Whether a query passes, or why it cannot be read. */
function passes(text: string, of = subject, options: QueryOptions = {}): boolean | string {
  const read = compileQuery(text, { clock: () => NOW, ...options });
  return read.ok ? read.query.matchesEvent(of) : read.error.message;
}
const errorOf = (text: string, options?: QueryOptions): { readonly message: string; readonly at: number } => {
  const read = compileQuery(text, options);
  return read.ok ? { message: 'none', at: -1 } : read.error;
};

t.test('each field passes what it says, with every sign and at each bound', async (t) => {
  for (const [passing, failing] of [
    ['kind:res* kind:*', 'kind:*task'],
    ['id:sha256:abc', 'id:sha256:ab'],
    ['id:sha256*', 'id:*abd'],
    ['reason:ttl', 'reason:deleted'],
    ['reason:deleted,ttl', '!reason:ttl'],
    ['problem:invalid-json', 'problem:too-large'],
    ['problem:*', 'problem:un*'],
    ['problem:?nvalid-json', 'problem:?invalid-json'],
    ['type:added,removed', 'type:removed'],
    ['rev:120', 'rev:121'],
    ['rev:=120', 'rev:=119'],
    ['rev:>119', 'rev:>120'],
    ['rev:>=120', 'rev:>=121'],
    ['rev:<121', 'rev:<120'],
    ['rev:<=120', 'rev:<=119'],
    ['rev:<=121 rev:>=119', 'rev:<=100'],
    ['rev:120..120', 'rev:121..130'],
    ['rev:1..120', 'rev:1..119'],
    ['rev:>100 rev:<200', 'rev:>100 rev:<110'],
    ['bytes:1250', 'bytes:1251'],
    ['bytes:1.25KB', 'bytes:1.24kb'],
    ['bytes:1250b', 'bytes:1KiB'],
    ['bytes:>1.2k bytes:<1m bytes:<1MB bytes:<1MiB', 'bytes:>1k bytes:>2k'],
    ['lag:1m', 'lag:61s'],
    ['lag:60s..60000ms', 'lag:60'],
    ['lag:<1h', 'lag:>1h'],
    ['since:1m', 'since:59s'],
    ['since:0.5m30s', 'since:0.5m29s'],
    ['since:60000ms', 'since:59999ms'],
    ['since:1h', 'since:0.01h'],
    ['since:1d', 'since:0.25m'],
    ['since:10m', 'until:10m'],
    ['since:5m since:2m', 'since:5m since:2s'],
    ['until:1m', 'until:61s'],
    ['since:2026-03-30T14:59:00Z', 'since:2026-03-30T14:59:00.001Z'],
    ['until:2026-03-30T14:59:00Z', 'until:2026-03-30T14:58:59Z'],
    ['since:14:59', 'since:14:59:01'],
    ['since:14:59Z until:14:59:00z', 'until:14:58:59'],
    ['since:9:05', 'until:9:05'],
    ['since:15:00:01', 'until:15:00:01'],
    ['until:15:00', 'since:15:00'],
    ['since:23:59:59', 'until:23:59:59'],
    ['RUN:agent-42', 'run:AGENT-42'],
  ] as const) {
    t.equal(passes(passing), true, passing);
    t.equal(passes(failing), false, failing);
  }
});

t.test('each other name of a field is that field', async (t) => {
  for (const text of [
    ...['address:src', 'addresses:src', 'kinds:reservation', 'run_id:agent-42', 'agent:agent-42', 'revision:120'],
    ...['event_type:added', 'size:1250', 'before:1m'],
  ])
    t.equal(passes(text), true, text);
});

t.test('what a subject does not have matches no value, whatever is asked', async (t) => {
  const bare: QuerySubject = { data: {} };
  for (const text of [
    ...[
      'kind:*',
      'id:*',
      'type:added',
      'run:*',
      'branch:*',
      'addr:*',
      'reason:ttl',
      'problem:*',
      'rev:>=0',
      'bytes:<1',
    ],
    ...['lag:<1', 'since:1d', 'until:0s', 'undefined', '/undefined/'],
  ])
    t.equal(passes(text, bare), false, text);
  t.equal(passes('run:*', ofRun('')), false, 'nor does a blank run');
  t.equal(passes('run:7', ofRun(7)), true, 'a number is a run, by its digits');
});

t.test('a star is any text, a question mark one character, and all else itself', async (t) => {
  for (const [pattern, passing, failing] of [
    ['*', ['a', 'a*'], []],
    ['?', ['a', '?'], ['', 'ab']],
    ['a*', ['a', 'ab'], ['', 'ba']],
    ['*a', ['a', 'ba', 'aba'], ['ab', '']],
    ['a**', ['a', 'abc'], ['ba']],
    ['a*b*c', ['abc', 'aXbYc', 'abcbc'], ['acb', 'ab', 'abcd']],
    ['*ab?', ['xababc', 'abz'], ['ab', 'xab']],
    ['a?c', ['abc'], ['ac', 'abbc']],
    ['a', ['a'], ['', 'aa', 'A']],
    ['a.c', ['a.c'], ['abc']],
    ['*undefined', ['undefined'], ['', 'x']],
  ] as const) {
    for (const text of passing) t.equal(passes(`run:${pattern}`, ofRun(text)), true, `${pattern} passes ${text}`);
    for (const text of failing)
      t.equal(passes(`run:${pattern}`, ofRun(text)), false, `${pattern} does not pass ${text}`);
  }
});

t.test('a value that is none is refused where it stands, with what can be written', async (t) => {
  for (const [text, message, at] of [
    ['reason:gone', /^no reason “gone”.*there are deleted, left-filter, ttl/, 7],
    ['problem:bad', /^no problem “bad”/, 8],
    ['kind:reservatio', /^no kind “reservatio”, did you mean reservation\? — there are reservation, intent/, 5],
    ['kind:zzzzzzzz', /^no kind “zzzzzzzz” — there are/, 5],
    [`kind:${'x'.repeat(20)}`, /“x{20}” — /, 5],
    [`kind:${'x'.repeat(21)}`, /“x{20}…” — /, 5],
    ['zzzzzzz:1', /^no field “zzzzzzz” — fields are kind, type/, 0],
    [`${'z'.repeat(21)}:1`, /^no field “z{20}” /, 0],
    ['rev:100x', /^no unit “x” here; this number has no unit/, 7],
    ['bytes:1.5x', /^no unit “x” here; units are b, k, kb, m, mb, kib, mib$/, 9],
    ['lag:>=1y', /^no unit “y” here; units are ms, s, m, h$/, 7],
    ['bytes:x1', /“x1” is not a number; write 100, >1KB/, 6],
    ['bytes:1KB!', /“1KB!” is not a number/, 6],
    ['bytes:>', /“” is not a number/, 7],
    ['bytes:1..x', /“x” is not a number/, 9],
    ['bytes:x..1', /“x” is not a number/, 6],
    ['bytes:..1', /“..1” is not a number/, 6],
    ['bytes:1..', /“1..” is not a number/, 6],
    ['bytes:a>5', /“a>5” is not a number/, 6],
    ['since:5mx', /“5mx” is not a time/, 6],
    ['since:x5m', /“x5m” is not a time/, 6],
    ['since:5', /“5” is not a time/, 6],
    ['since:5.m', /is not a time/, 6],
    ['since:14:5', /is not a time/, 6],
    ['since:114:30', /is not a time/, 6],
    ['since:14:30x', /is not a time/, 6],
    ['since:14:30:5', /is not a time/, 6],
    ['since:14:30:xx', /is not a time/, 6],
    ['since:24:00', /“24:00” is not a time of day/, 6],
    ['since:23:60', /is not a time of day/, 6],
    ['since:23:59:60', /is not a time of day/, 6],
    ['!run:a -rev:x', /“x” is not a number/, 12],
    ['run:a !knd:x', /no field “knd”/, 7],
    ['run:a OR OR run:b', /OR needs a term before it/, 9],
    ['!/(/', /Invalid regular expression/, 1],
  ] as const) {
    const error = errorOf(text);
    t.match(error.message, message, text);
    t.equal(error.at, at, text);
  }
});

t.test('a link, a hash, a path and an address are text, and what is no field is an error', async (t) => {
  const said = (note: string): QuerySubject => ({ data: { note } });
  for (const text of [
    ...[
      'sha1:ab',
      'SHA512:ab',
      'http://a',
      'https://a',
      'ws://a',
      'wss://a',
      'nats://a',
      'a/b',
      '/a',
      '/',
      '/a/b',
      'a::b',
    ],
    ...['x/a/', '/a/ix', 'https2:a'],
  ])
    t.equal(passes(text, said(`it is ${text.toLowerCase()}, is it`)), true, text);
  for (const [text, note] of [
    ['"say \\"hi\\""', 'I say "hi"'],
    ['\\new', 'C:\\New'],
    ['"two\nlines"', 'of two\nlines'],
  ] as const)
    t.equal(passes(text, said(note)), true, `${text} is in ${note}`);
  for (const [text, note] of [
    ['x/a/', '/a '],
    ['/a/ix', 'a/i'],
    ['9run:a', 'run:a'],
  ] as const)
    t.equal(passes(text, said(note)), false, `${text} is not in ${note}`);
  t.equal(passes('9run:a', said('9run:a')), true);
  for (const text of ['xhttps:a', 'sha:a', 'shax:a', 'httpx:a']) t.match(passes(text), /^no field/, text);
  t.equal(passes('run:x:', ofRun('x:')), true, 'a colon at the end belongs to the value');
  t.equal(passes('a b:c'.replace(' ', '"'), said('a')), 'this quote is not closed');
});

t.test('text is searched in kind, id and data, up to a length, and without its quotes', async (t) => {
  for (const [text, wanted] of [
    ['reservation', true],
    ['SHA256:ABC', true],
    ['"feature/billing"', true],
    ['"compute_total"', true],
    ['/^reservation sha256:abc \\{/', true],
    ['/compute.total/', true],
    ['/COMPUTEX/i', false],
    ['/COMPUTE_TOTAL/i', true],
    ['!/COMPUTEX/i', true],
  ] as const)
    t.equal(passes(text), wanted, text);
  const long: QuerySubject = { data: { note: `${'x'.repeat(4_000)}near${'x'.repeat(100)}far` } };
  t.equal(passes('near', long), true);
  t.equal(passes('far', long), false);
  t.equal(passes('/near/', long), true);
  t.equal(passes('/x.x/', { data: { note: 'x\\nx' } }), false);
});

t.test('quotes keep spaces, commas and signs in a value; in them a backslash keeps what follows', async (t) => {
  for (const [text, run] of [
    ['run:"a b"', 'a b'],
    ['run:"a,b"', 'a,b'],
    ['run:a,b', 'b'],
    ['run:"x","b"', 'b'],
    ['run:x,,b,', 'b'],
    ['run:"a\\"b"', 'a"b'],
    ['run:"a\\\\"', 'a\\'],
    ['run:"a\\nb"', 'a\\nb'],
    ['run:a\\b', 'a\\b'],
    ['run:x,"a\\",b"', 'a",b'],
    ['run:a"b c"d', 'ab cd'],
    ['run:"a""b"', 'ab'],
  ] as const)
    t.equal(passes(text, ofRun(run)), true, text);
  t.equal(passes('run:"a,b"', ofRun('a')), false);
  for (const [text, wanted] of [
    ['run:x,"', false],
    ['run:"a', true],
    ['run:"a\\', true],
    ['"run_id', true],
    ['"run_id\\', false],
    ['run:"a OR', false],
  ] as const)
    t.equal(passes(text, ofRun('a'), { isTyping: true }), wanted, `${text} is still being typed`);
  t.match(errorOf('run:"a\\"'), { message: 'this quote is not closed', at: 4 });
  t.match(errorOf('run:a\\"'), { message: 'this quote is not closed', at: 6 }, 'outside of quotes it keeps nothing');
});

t.test('words are cut at spaces outside of quotes and expressions, and know where they begin', async (t) => {
  for (const [text, words] of [
    ['', []],
    ['  a\tb  ', ['2 a', '4 b']],
    ['/a b/ c', ['0 /a b/', '6 c']],
    ['!/a b/i -/c d/', ['0 !/a b/i', '8 -/c d/']],
    ['/a\\/ b/ c', ['0 /a\\/ b/', '8 c']],
    ['/a b', ['0 /a', '3 b']],
    ['/a b/x', ['0 /a', '3 b/x']],
    ['x/a b/', ['0 x/a', '4 b/']],
    ['"a b" c', ['0 "a b"', '6 c']],
    ['"a \\" b" c', ['0 "a \\" b"', '9 c']],
    ['"a b', ['0 "a b']],
    ['a"b c"d e', ['0 a"b c"d', '8 e']],
  ] as const)
    t.same(
      splitWords(text).map(({ at, text: word }) => `${String(at)} ${word}`),
      words,
      text,
    );
});

t.test('a query without a term is empty, and passes everything', async (t) => {
  for (const [text, isEmpty] of [
    ['', true],
    ['""', true],
    ['AND', true],
    ['a', false],
    ['!a OR b', false],
  ] as const) {
    const read = compileQuery(text);
    t.equal(read.ok && read.query.isEmpty, isEmpty, text);
    if (isEmpty) t.equal(passes(text), true);
  }
});

t.test('the present is asked for only if a time is relative to it, and only if nobody gives it', async (t) => {
  let asked = 0;
  const clock = (): number => (asked++, NOW);
  const query = (text: string) => {
    const read = compileQuery(text, { clock });
    if (!read.ok) throw new Error(read.error.message);
    return read.query;
  };
  t.ok(query('run:agent-42 rev:120').matchesEvent(subject));
  t.ok(query('run:agent-42 since:5m').matchesEvent(subject, NOW));
  t.notOk(query('since:5m').matchesEvent(subject, NOW + 600_000));
  t.equal(asked, 0);
  t.ok(query('run:agent-42 since:5m').matchesEvent(subject));
  t.ok(query('run:agent-42 until:5s').matchesEvent(subject));
  t.equal(asked, 2);
  const without = compileQuery('since:5m');
  t.notOk(without.ok && without.query.matchesEvent(subject), 'without a clock nothing is so new');
});

t.test('a view names the fields that it has, and no others', async (t) => {
  const fields = ['run', 'text', 'id', 'regex'] as const;
  t.equal(errorOf('lag:>1', { fields, view: 'top' }).message, 'top does not use lag:; it uses run, id');
  const only = { fields: ['run'] } as const;
  t.match(errorOf('run:a free', only), {
    message: 'this view does not use a text without a field; it uses run',
    at: 6,
  });
  t.match(errorOf('!/x/', only), { message: 'this view does not use a regular expression; it uses run', at: 1 });
  for (const text of ['free', '/x/', 'run:a', 'id:b']) t.equal(errorOf(text, { fields }).message, 'none', text);
});
