import fc from 'fast-check';
import picomatch from 'picomatch';
import t from 'tap';
import { readGlobTree } from '../../protocol/glob-tree.js';
import { compileGlob, matchesLinearly, MAX_GLOBBED_LENGTH } from '../../protocol/glob.js';

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

t.test('the linear matcher says what picomatch says', async () => {
  fc.assert(
    fc.property(pattern, address, (glob, text) => {
      if (text === '' || text === glob) return;
      const expression = picomatch.makeRe(glob, { windows: false });
      if (matchesLinearly(readGlobTree(expression.source), text) !== expression.test(text)) {
        throw new Error(`${glob} (${expression.source}) on ${text}`);
      }
    }),
    { numRuns: 20_000 },
  );
});

t.test('a compiled glob says what picomatch says', async (t) => {
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

const refused: readonly (readonly [string, RegExp])[] = [
  ['+(ab)', /repeated group/],
  ['*(a|bc)', /repeated group/],
  ['(a+)+', /repeated group/],
  ['(a)*\\1', /the escape \\1/],
  ['(?<=a)b*', /look behind/],
];
for (const [glob, why] of refused) {
  t.test(`${glob} is refused, because no bound holds for it`, async (t) => {
    t.throws(() => compileGlob(glob), { name: 'GlobError', message: why });
  });
}

t.test('a text beyond the longest globbed one is compared as text', async (t) => {
  const long = 'a'.repeat(MAX_GLOBBED_LENGTH + 1);
  t.equal(compileGlob('*')(long), false);
  t.equal(compileGlob('*')(long.slice(1)), true);
});
