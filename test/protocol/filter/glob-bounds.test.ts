import picomatch from 'picomatch';
import t from 'tap';
import { GlobError, isGlob, parseFilter, FILTER_LIMITS, type ProtocolError } from '../../../protocol/index.js';
import { matchesSome } from '../../../protocol/filter/glob-match.js';
import { GlobText } from '../../../protocol/filter/glob-text.js';
import { readGlobTree, sizeOfTree } from '../../../protocol/filter/glob-tree.js';
import { compileGlob, MAX_GLOBBED_LENGTH, readGlob } from '../../../protocol/filter/glob.js';

const matches = (source: string, ...texts: readonly string[]): boolean =>
  matchesSome(readGlobTree(source), new GlobText(texts));

t.test('runs of each length are matched as picomatch does, across the ends of words of 32 positions', async (t) => {
  for (const glob of ['*b', 'a*', '*a*b', '+(a)b', '*(a)b', '?(a)b', 'b+(a)', 'b*(a)', '*(a)b*(a)', '[ab]*c', '**/b']) {
    const theirs = picomatch(glob, { windows: false });
    const tree = readGlobTree(picomatch.makeRe(glob, { windows: false }).source);
    for (const n of [0, 1, 2, 30, 31, 32, 33, 62, 63, 64, 65]) {
      const run = 'a'.repeat(n);
      const texts = [`${run}b`, `b${run}`, `${run}c`, `c${run}b`, `${run}b${run}`, `${run}/b`, `${run}cb`].filter(
        (text) => text !== glob,
      );
      const wrong = texts.filter((text) => matchesSome(tree, new GlobText([text])) !== theirs(text));
      const apart = texts
        .map((text) => ['c'.repeat(n), text, run])
        .filter((several) => {
          const some = several.filter((text) => text !== '');
          return matchesSome(tree, new GlobText(some)) !== some.some((text) => theirs(text));
        });
      if (wrong.length + apart.length > 0) t.fail(`${glob} on ${JSON.stringify([wrong, apart])}`);
    }
  }
});

t.test('each part of a regular expression means what it means to a RegExp', async (t) => {
  const units = [
    'a',
    'b',
    'A',
    '1',
    '_',
    ' ',
    '\t',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '-',
    'é',
    '\u00a0',
    '/',
    '.',
    '{',
    '}',
  ];
  for (const part of [
    ...[
      'a',
      '.',
      '\\d',
      '\\D',
      '\\w',
      '\\W',
      '\\s',
      '\\S',
      '\\.',
      '\\-',
      '\\/',
      '[ab]',
      '[^ab]',
      '[\\]a]',
      '[a-c1]',
      '(?:a|b)',
    ],
    ...[
      '(?:a|b|1)',
      '(?!a).',
      '(?=a).',
      '(?:)a',
      'a{0,1}b',
      '(?:a|b){0,1}1',
      'a{x}',
      'a{,3}',
      'x{0,1}',
      'a??',
      'a*?',
      'a+?',
    ],
    ...['(a)', '(?:a|1b)', '(?!a)', '(?:(?:a|b)|1)'],
  ]) {
    const source = `^(?:${part})$`;
    const expression = new RegExp(source);
    for (const text of [...units, ...units.flatMap((one) => [`a${one}`, `${one}b`, `b${one}1`, `a${one}x}`])])
      if (matches(source, text) !== expression.test(text)) t.fail(`${source} on ${JSON.stringify(text)}`);
  }
  t.ok(matches('ab', 'ab'));
  t.notOk(matches('b$', 'ab'), 'a tree is matched from the beginning of a text');
  t.ok(matches('^a$', 'x', 'a', 'y'));
  t.notOk(matches('^a$'), 'without a text nothing matches');
  t.notOk(matches('^x$', 'ax', 'xa'));
});

t.test('what cannot be matched in linear time is refused, and named', async (t) => {
  for (const [source, why] of [
    ['a{2}', 'a counted repetition'],
    ['a{10}', 'a counted repetition'],
    ['a{2,}', 'a counted repetition'],
    ['a{2,30}', 'a counted repetition'],
    ['a{0}', 'a counted repetition'],
    ['?', 'a repetition of nothing'],
    ['+a', 'a repetition of nothing'],
    ['(*a)', 'a repetition of nothing'],
    ['a)', 'an unmatched parenthesis'],
    ['(a', 'an unmatched parenthesis'],
    ['[a', 'an unmatched bracket'],
    ['[a\\]', 'an unmatched bracket'],
    ['(?<n>a)', 'a look behind or a named group'],
    ['(?<=a)b', 'a look behind or a named group'],
    ['\\1', 'the escape \\1'],
    ['\\b', 'the escape \\b'],
    ['a\\', 'the escape \\'],
    ['(ab)*', 'a repeated group; only single characters can be repeated'],
    ['(?:a|bc)+', 'a repeated group; only single characters can be repeated'],
    ['(?:ab|cd)*', 'a repeated group; only single characters can be repeated'],
    ['(?:a*b)*', 'a repeated group; only single characters can be repeated'],
    ['(?:ba*)*', 'a repeated group; only single characters can be repeated'],
    ['(?:a?)*', 'a repeated group; only single characters can be repeated'],
    ['(?:^)*', 'a repeated group; only single characters can be repeated'],
    ['(?:)*', 'a repeated group; only single characters can be repeated'],
    [`${'('.repeat(33)}a${')'.repeat(33)}`, 'groups nested deeper than 32'],
    ['a'.repeat(1_001), 'more than can be matched quickly'],
  ] as const)
    t.throws(() => readGlobTree(source), new GlobError(why), source.slice(0, 20));
  for (const source of [
    ...['(?:a$)*', '(?:(?!b)a)*', '(?:ab|c)?', '(?:[ab]|c)+', '{', 'a{', '\\e'],
    ...[`${'('.repeat(32)}a${')'.repeat(32)}`, 'a'.repeat(1_000)],
  ])
    t.doesNotThrow(() => readGlobTree(source), source.slice(0, 20));
  const aligned = /^(?:(?:a|b)|(?:c|1))*$/;
  for (const text of ['', 'ab1c', 'abx']) t.equal(matches(aligned.source, text), aligned.test(text), text);
});

t.test('a glob costs as many steps as its tree has nodes, and one if it is compared as text', async (t) => {
  for (const [source, size] of [
    ['a', 1],
    ['a|b', 1],
    ['[a-z]', 1],
    ['ab', 3],
    ['^a$', 4],
    ['a*', 2],
    ['a?', 2],
    ['(?=a)', 2],
    ['(?!ab)', 4],
    ['ab|c', 5],
    ['(?:ab|c)?', 6],
  ] as const)
    t.equal(sizeOfTree(readGlobTree(source)), size, source);
  t.equal(readGlob('src/**').cost, 1);
  t.equal(readGlob('[ab]').cost, sizeOfTree(readGlobTree(picomatch.makeRe('[ab]', { windows: false }).source)));
});

t.test(
  'a filter costs what its globs cost together, up to a limit; so many globs it may have, and no more',
  async (t) => {
    const refused = (addresses: readonly string[], limits: Partial<typeof FILTER_LIMITS> = {}): string => {
      try {
        parseFilter({ addresses }, { ...FILTER_LIMITS, ...limits });
        return 'none';
      } catch (error) {
        t.equal((error as ProtocolError).code, 'bad-option');
        return (error as ProtocolError).message;
      }
    };
    const two = readGlob('*b').cost + readGlob('?a').cost;
    t.equal(refused(['*b', '?a', 'text'], { maxFilterCost: two }), 'none');
    t.match(
      refused(['*b', '?a'], { maxFilterCost: two - 1 }),
      `its globs take ${String(two)} steps; at most ${String(two - 1)}`,
    );
    t.equal(refused(['text'], { maxFilterCost: 0, maxGlobs: 0 }), 'none');
    t.match(refused(['a/**', 'b/**'], { maxGlobs: 1 }), 'filter.addresses has 2 globs; at most 1 (max_globs)');
    t.equal(refused(['a/**', 'b'], { maxGlobs: 1 }), 'none');
    t.equal(refused(['**a[bc]??'], { maxGlobWildcards: 3 }), 'none', 'signs beside each other are one wildcard');
    t.match(refused(['*a*'], { maxGlobWildcards: 1 }), 'a glob has 2 wildcards; at most 1 (max_glob_wildcards)');
    t.equal(
      refused(['+(ab)']),
      'filter.addresses: the glob "+(ab)" holds a repeated group; only single characters can be repeated',
    );
    const long = 'k'.repeat(40);
    t.match(refused([`${long}+(ab)`]), `the glob "${long}…" holds`, 'and a long one is cut');
  },
);

t.test('a sign inside of a text that is special at its beginning only makes no glob', async (t) => {
  for (const text of ['a!', 'a./b', 'a/./b', 'a)', 'a]', 'a}', '.', '..']) t.notOk(isGlob(text), text);
  for (const text of ['!a', './a', 'a"', 'a\\b', 'a(', 'a[', 'a{']) t.ok(isGlob(text), text);
});

t.test('a glob matches its own text, and no text that is empty or too long', async (t) => {
  for (const glob of ['src/**', 'src/a*', 'a/b.py::*', '[id].ts', '{a,b}', '!a', '"a"'])
    t.ok(compileGlob(glob)(glob), glob);
  const room = MAX_GLOBBED_LENGTH - 'src/'.length;
  for (const glob of ['src/**', 'src/a*', '**/a*', '**']) {
    t.ok(compileGlob(glob)(`src/${'a'.repeat(room)}`), glob);
    t.notOk(compileGlob(glob)(`src/${'a'.repeat(room + 1)}`), `${glob} on a longer one`);
    t.notOk(compileGlob(glob)(''), `${glob} on none`);
  }
});
