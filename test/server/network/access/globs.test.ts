import fc from 'fast-check';
import t from 'tap';
import {
  compileFilter,
  compileGlob,
  matchable,
  MAX_GLOBBED_LENGTH,
  MessageType,
  parseFilter,
  ProtocolError,
} from '../../../../protocol/index.js';
import { serve, TRANSPORTS } from '../../../support/running-server.js';
import { RawClient } from '../../../support/raw-client.js';

/** Patterns on which a backtracking engine takes from seconds to centuries, with the texts below. */
const PATTERNS: readonly (readonly [what: string, pattern: string])[] = [
  ['eight stars between letters', '*a*a*a*a*a*a*a*a'],
  ['eight globstars', '**/**/**/**/**/**/**/**/b'],
  ['stars in exclusions', '!(*a*a)!(*a*a)b'],
  ['nested exclusions', '!(!(!(!(a*)b)b)b)b'],
  ['optionals in optionals', '?(?(?(?(?(?(?(a)a)a)a)a)a)a)b'],
  ['a star and a long literal', `*${'a'.repeat(500)}b`],
  ['a star and many single characters', `*${'?'.repeat(500)}b`],
  ['a globstar and a long literal', `**/${'a'.repeat(300)}*b`],
  ['two long choices around a star', `{${'a,'.repeat(120)}b}*{${'a,'.repeat(120)}b}`],
  ['choices that share beginnings', `@(${'a|aa|aaa|'.repeat(40)}b)*@(a|aa|aaa)*b`],
  ['classes', '*[a-z]*[a-z]*[a-z]*b'],
  ['a repeated class', '+([a-z])+(a)+(a)b'],
  ['a range', '{1..100000}*{1..100000}*b'],
];
const TEXTS: readonly string[] = [
  'a'.repeat(MAX_GLOBBED_LENGTH),
  `${'a'.repeat(MAX_GLOBBED_LENGTH - 2)}/c`,
  'a/'.repeat(MAX_GLOBBED_LENGTH / 2),
  'a/.'.repeat(MAX_GLOBBED_LENGTH / 3),
  'a'.repeat(64),
  'a'.repeat(256),
];
/** Matching takes a few milliseconds. Only backtracking would take more than 100. */
const FAR_TOO_LONG_MS = 100;

/** Returns the shortest time of a few attempts, so that a busy machine does not look like a slow pattern. */
function quickest(attempt: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 5 && best > 1; i++) {
    const began = performance.now();
    attempt();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

const isAccepted = (pattern: string): boolean => {
  try {
    parseFilter({ addresses: [pattern] });
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
};

for (const [what, pattern] of PATTERNS) {
  t.test(`${what}: refused, or bounded on the longest addresses`, async (t) => {
    if (!isAccepted(pattern)) {
      t.pass('refused');
      return;
    }
    const glob = compileGlob(pattern);
    for (const text of TEXTS) t.ok(quickest(() => glob(text)) < FAR_TOO_LONG_MS, `${String(text.length)} characters`);
  });
}

t.test('at least half of these patterns are accepted, so that the test covers enough', async (t) => {
  t.ok(PATTERNS.filter(([, pattern]) => isAccepted(pattern)).length >= PATTERNS.length / 2);
});

t.test('no pattern of the grammar is slow to refuse, to compile or to match', async () => {
  const pieces = [
    '*',
    '**',
    '?',
    'a',
    '/',
    '.',
    '{a,aa}',
    '[a-c]',
    '!(a)',
    '!(*a)',
    '@(a|aa)',
    '?(a)',
    '+(a)',
    '*(a|b)',
    '(a*)',
    '{a..z}',
    '\\',
    '\\\\',
    ']',
    '"',
  ];
  const pattern = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(pattern, fc.constantFrom(...TEXTS), (glob, text) => {
      const filter = (): void => {
        if (isAccepted(glob))
          compileFilter({ addresses: [glob] }).matches(matchable('task', 't', { addresses: [text] }));
      };
      const took = quickest(filter);
      if (took > FAR_TOO_LONG_MS) throw new Error(`${glob} took ${String(took)} ms`);
    }),
    { numRuns: 2_000 },
  );
});

/** Returns `count` different globs without a literal prefix. Without a bound they delayed all clients by seconds. */
const costly = (count: number, mark: number): string[] =>
  Array.from({ length: count }, (_, i) => `**/a*/**/b*/**/c*/**/N${String(mark)}-${String(i)}`);

for (const transport of TRANSPORTS) {
  t.test(
    `${transport}: the cost of globs is bounded per filter and per connection, and a refusal names the limit`,
    async (t) => {
      const running = await serve(t, { transport, limits: { maxFilterCost: 1_000, maxConnectionFilterCost: 2_000 } });
      const client = await RawClient.welcomed(running.endpoint);
      client.send([MessageType.subscribe, 1, { filter: { addresses: costly(100, 0) } }]);
      t.match(await client.received(MessageType.error, ([, sub]) => sub === 1), [
        MessageType.error,
        1,
        'bad-option',
        /at most 1000 \(max_filter_cost\)/,
      ]);
      for (let sub = 2; sub < 8; sub++)
        client.send([MessageType.subscribe, sub, { filter: { addresses: costly(5, sub) } }]);
      t.match(await client.received(MessageType.error, ([, sub]) => sub === 7), [
        MessageType.error,
        7,
        'limit',
        /at most 2000 steps \(max_connection_filter_cost\)/,
      ]);
      const begun = client.messages.filter(([type]) => type === MessageType.subscribed).map(([, sub]) => sub);
      t.same(begun, [2, 3, 4, 5, 6].slice(0, begun.length));
      t.ok(begun.length > 0);
      client.send([MessageType.subscribe, 9, { filter: { addresses: ['src/**'], kinds: ['task'] } }]);
      client.send([MessageType.subscribe, 10, { filter: { run_ids: ['r'] } }]);
      await client.received(MessageType.subscribed, ([, sub]) => sub === 10);
      client.send([MessageType.unsubscribe, 2]);
      client.send([MessageType.subscribe, 11, { filter: { addresses: costly(5, 11) } }]);
      await client.received(MessageType.subscribed, ([, sub]) => sub === 11);
      t.pass('what is given back can be used again');
      client.terminate();
    },
  );
}
