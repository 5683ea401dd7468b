import fc from 'fast-check';
import picomatch from 'picomatch';
import t from 'tap';
import { readGlobTree } from '../../../protocol/filter/glob-tree.js';
import { matchesSome } from '../../../protocol/filter/glob-match.js';
import { GlobText } from '../../../protocol/filter/glob-text.js';
import { compileGlob, MAX_GLOBBED_LENGTH } from '../../../protocol/filter/glob.js';
import { readPlainGlob } from '../../../protocol/filter/plain-glob.js';

const PIECES = [
  '*',
  '**',
  '?',
  '[a-c]',
  '[!a]',
  '{a,b}',
  '{1..3}',
  '!(a|b)',
  '@(a|b/)',
  '?(a)',
  '*(a|b)',
  'a',
  'b',
  '/',
  '.',
  '::',
];
const pattern = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
const address = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '.', ':', '1'), maxLength: 16 });

t.test('the linear matcher has the same results as picomatch', async () => {
  fc.assert(
    fc.property(pattern, address, (glob, text) => {
      if (text === '' || text === glob) return;
      const expression = picomatch.makeRe(glob, { windows: false });
      if (matchesSome(readGlobTree(expression.source), new GlobText([text])) !== expression.test(text)) {
        throw new Error(`${glob} (${expression.source}) on ${text}`);
      }
    }),
    { numRuns: 20_000 },
  );
});

t.test('addresses matched together match if one of them does, across the ends of words and of texts', async () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '.', ':', '1'), maxLength: 70 }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(pattern, texts, (glob, addresses) => {
      const some = addresses.filter((text) => text !== '' && text !== glob);
      const expression = picomatch.makeRe(glob, { windows: false });
      const expected = some.some((text) => expression.test(text));
      if (matchesSome(readGlobTree(expression.source), new GlobText(some)) !== expected) {
        throw new Error(`${glob} (${expression.source}) on ${JSON.stringify(some)}`);
      }
    }),
    { numRuns: 10_000 },
  );
});

t.test('a compiled glob has the same results as picomatch', async (t) => {
  const cases = ['src/**', '**/*.py::*', 'src/*.{ts,js}', '!src/**', '[[:alpha:]]*', './src/*', 'a(b|c)*', '***/b'];
  const texts = ['src', 'src/', 'src/a.ts', 'src/.a.ts', 'src/a/b.py::f', 'abx', 'acx', 'x/b', '.hidden', 'A'];
  for (const glob of cases) {
    const theirs = picomatch(glob, { windows: false });
    const ours = compileGlob(glob);
    t.same(
      texts.filter((text) => ours(text)),
      texts.filter((text) => theirs(text)),
      glob,
    );
  }
});

const plain = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b.', '-c', 'd::e'), { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
    fc.constantFrom('/**', '/a*', '/f.py::*'),
  )
  .map((parts) => parts.join(''));
const tail = fc.string({ unit: fc.constantFrom('a', '/', '.', '*', '\n', '\u2028', ':'), maxLength: 6 });

t.test('globs that are compared as text have the same results as picomatch', async (t) => {
  let [tried, matched] = [0, 0];
  fc.assert(
    fc.property(plain, tail, fc.nat(2), (glob, rest, cut) => {
      const asText = readPlainGlob(glob);
      if (!asText) throw new Error(`${glob} is not read`);
      // Each text begins as the pattern does, because other texts come nowhere near a match.
      const text = glob.replace(/[/*]+$/, '').slice(0, glob.length - cut) + rest;
      const expected = picomatch.makeRe(glob, { windows: false }).test(text);
      tried++;
      if (expected) matched++;
      if (asText(text) !== expected) throw new Error(`${glob} on ${JSON.stringify(text)}`);
    }),
    { numRuns: 20_000 },
  );
  t.ok(matched > tried / 10, 'and many do match');
  for (const glob of [
    './a/**',
    '/a/**',
    'a/../b/**',
    '.a/**',
    'a/.b/*',
    'a/*',
    '**',
    '*',
    'a**',
    'a/**/b',
    'a*b',
    '!a/**',
    'a\\b*',
  ]) {
    t.equal(readPlainGlob(glob), undefined, `${glob} is picomatch’s`);
  }
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['+(ab)', /repeated group/],
  ['*(a|bc)', /repeated group/],
  ['(a+)+', /repeated group/],
  ['(?<=a)b*', /look behind/],
];
for (const [glob, why] of refused) {
  t.test(`${glob} is refused, because its cost has no bound`, async (t) => {
    t.throws(() => compileGlob(glob), { name: 'GlobError', message: why });
  });
}

t.test('a text beyond the longest globbed one is compared as text', async (t) => {
  const long = 'a'.repeat(MAX_GLOBBED_LENGTH + 1);
  t.equal(compileGlob('*')(long), false);
  t.equal(compileGlob('*')(long.slice(1)), true);
});
