import fc from 'fast-check';
import t from 'tap';
import {
  AddressIndex,
  covers,
  MAX_ADDRESS_CHARACTERS,
  normalBranch,
  overlap,
  parseAddress,
  parseQuery,
  type Address,
  type AddressContext,
} from '../../../protocol/swarm/index.js';

const address = (text: string, context?: AddressContext): Address => {
  const parsed = parseAddress(text, context);
  if (!parsed.ok) throw new Error(parsed.problem.text);
  return parsed.address;
};
const REPOSITORY: AddressContext = { roots: ['/home/x/repo', '/home/x/repo-agent-1'], workingDirectory: 'src' };

t.test('two spellings of one address have one normal form', async (t) => {
  for (const [spelling, normal, kind] of [
    ['src/billing.py', 'src/billing.py', 'file'],
    ['./src/billing.py', 'src/billing.py', 'file'],
    ['src//billing.py', 'src/billing.py', 'file'],
    ['src/./billing.py', 'src/billing.py', 'file'],
    ['src/old/../billing.py', 'src/billing.py', 'file'],
    ['src/billing.py::', 'src/billing.py', 'file'],
    ['src/billing.py ', 'src/billing.py', 'file'],
    ['\tsrc/billing.py\n', 'src/billing.py', 'file'],
    ['src\\billing.py', 'src/billing.py', 'file'],
    ['.\\src\\billing.py', 'src/billing.py', 'file'],
    ['src/caf\u0065\u0301.py', 'src/caf\u00e9.py', 'file'],
    ['src/billing.py::Invoice', 'src/billing.py::Invoice', 'symbol'],
    ['./src/billing.py :: Invoice', 'src/billing.py::Invoice', 'symbol'],
    ['src/billing.py::Invoice.render', 'src/billing.py::Invoice.render', 'nested-symbol'],
    ['src/billing.py::Invoice::render', 'src/billing.py::Invoice.render', 'nested-symbol'],
    ['src/billing.py::Invoice.', 'src/billing.py::Invoice', 'symbol'],
    ['src/', 'src/', 'directory'],
    ['src', 'src', 'file'],
    ['.', '.', 'directory'],
    ['./', '.', 'directory'],
    ['src/..', '.', 'directory'],
    ['src/*', 'src/*', 'pattern'],
    ['./src//**', 'src/**', 'pattern'],
    ['src/{a,b}.py', 'src/{a,b}.py', 'pattern'],
    ['src/billing.py::*', 'src/billing.py::*', 'pattern'],
    ['app/[id]/page.tsx', 'app/[id]/page.tsx', 'file'],
    ['src/a.rb::empty?', 'src/a.rb::empty?', 'symbol'],
    ['src/{id}.py', 'src/{id}.py', 'file'],
    ['src/a.cc::operator+(int)', 'src/a.cc::operator+(int)', 'symbol'],
    ['src/a.py/::f', 'src/a.py::f', 'symbol'],
  ] as const) {
    const read = address(spelling);
    t.equal(read.text, normal, JSON.stringify(spelling));
    t.equal(read.kind, kind, JSON.stringify(spelling));
  }
});

t.test('an absolute path below the root or a worktree is the path from there', async (t) => {
  for (const [spelling, normal] of [
    ['/home/x/repo/src/a.py', 'src/a.py'],
    ['/home/x/repo-agent-1/src/a.py::f', 'src/a.py::f'],
    ['/home/x//repo/./src/a.py', 'src/a.py'],
    ['/home/x/repo', '.'],
    ['../README.md', 'README.md'],
    ['./a.py', 'src/a.py'],
    ['a.py', 'src/a.py'],
  ] as const)
    t.equal(address(spelling, REPOSITORY).text, normal, spelling);
  t.equal(address('C:\\repo\\src\\a.py', { roots: ['C:\\repo'] }).text, 'src/a.py');
  t.equal(address('src\\*.py', { isWindows: true }).text, 'src/*.py');
});

t.test('a text that is no address of the repository is refused with the reason', async (t) => {
  const problem = (text: string, context?: AddressContext): string => {
    const parsed = parseAddress(text, context);
    return parsed.ok ? 'none' : parsed.problem.problem;
  };
  t.equal(problem(''), 'empty');
  t.equal(problem('  '), 'empty');
  t.equal(problem('../x'), 'outside');
  t.equal(problem('src/../../x'), 'outside');
  t.equal(problem('/etc/passwd', REPOSITORY), 'outside');
  t.equal(problem('/home/x/repository/a.py', REPOSITORY), 'outside');
  t.equal(problem('::f'), 'no-file');
  t.equal(problem('x'.repeat(MAX_ADDRESS_CHARACTERS + 1)), 'too-long');
});

t.test('a query means the path from the working directory and the one from the root', async (t) => {
  const asked = (text: string, context?: AddressContext): string[] | string => {
    const parsed = parseQuery(text, context);
    return parsed.ok ? parsed.addresses.map((each) => each.text) : parsed.problem.problem;
  };
  t.same(asked('a.py', REPOSITORY), ['src/a.py', 'a.py']);
  t.same(asked('src/a.py', REPOSITORY), ['src/src/a.py', 'src/a.py']);
  t.same(asked('./a.py', REPOSITORY), ['src/a.py'], 'marked as relative');
  t.same(asked('../a.py', REPOSITORY), ['a.py']);
  t.same(asked('b/./a.py', REPOSITORY), ['src/b/a.py', 'b/a.py'], 'a dot in the middle marks nothing');
  t.same(asked('b\\*.py', { isWindows: true, workingDirectory: 'src' }), ['src/b/*.py', 'b/*.py']);
  t.same(asked('/home/x/repo/a.py', REPOSITORY), ['a.py']);
  t.same(asked('a.py'), ['a.py']);
  t.same(asked('/repo/a.py'), 'absolute');
  t.same(asked('!src/**'), 'negated');
  t.same(asked(''), 'empty');
});

t.test('a branch has one name', async (t) => {
  for (const name of ['main', 'refs/heads/main', ' main ']) t.equal(normalBranch(name), 'main');
  t.equal(normalBranch('feature/heads'), 'feature/heads');
});

t.test('a file overlaps its symbols, a class its methods, a directory and a pattern what they cover', async (t) => {
  for (const [a, b, wanted] of [
    ['src/a.py', 'src/a.py', true],
    ['src/a.py', 'src/a.py::f', true],
    ['src/a.py::f', 'src/a.py::g', false],
    ['src/a.py::f', 'src/a.py::ff', false],
    ['src/a.py::Invoice', 'src/a.py::Invoice.render', true],
    ['src/a.py::Invoice', 'src/a.py::InvoiceLine', false],
    ['src/a.py', 'src/a.pyx', false],
    ['src/a', 'src/a.py', false],
    ['src', 'src/a.py::f', true],
    ['src/', 'src/a.py', true],
    ['docs/', 'docs', true],
    ['.', 'src/a.py', true],
    ['src/a.py', 'lib/a.py', false],
    ['src/*', 'src/a.py', true],
    ['src/*', 'src/deep/a.py::f', true],
    ['src/*.py', 'src/a.py::f', true],
    ['src/*.py', 'src/a.ts', false],
    ['src/*.py', 'src', true],
    ['src/*.py', 'lib', false],
    ['src/a.py::*', 'src/a.py', true],
    ['src/a.py::get_*', 'src/a.py::get_x.inner', true],
    ['src/a.py::get_*', 'src/a.py::set_x', false],
    ['src/**', 'src/.hidden/x', true],
    ['**/test_*.py', 'test_a.py', true],
    ['**/test_*.py', 'x/y/test_a.py::t', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a/x.c', false],
    ['a/**/b', 'a/x', true],
    ['**/test_*.py', 'src/billing.py', false],
    ['**/test_*.py', '**/*.ts', false],
    ['**/test_*.py', 'src/', true],
    ['src/v1.2/*.py', 'src/v1.2', true],
    ['src/*.py', 'src/odd.py/x', true],
    ['src/{a,b}.py', 'src/b.py::f', true],
    ['src/{a,b}.py', 'src/c.py', false],
    ['src/[ab].py', 'src/a.py', true],
    ['src/[!ab].py', 'src/a.py', false],
    ['src/[!ab].py', 'src/c.py', true],
    ['src/?.py', 'src/a.py', true],
    ['src/?.py', 'src/ab.py', false],
    ['src/*.py', 'src/a*', true],
    ['src/*.py', 'src/*.ts', false],
    ['src/*/x.py', '*/lib/x.py', true],
    ['app/[id]/page.tsx', 'app/[id]/page.tsx', true],
    ['app/[id]/page.tsx', 'app/[userId]/page.tsx', false],
    ['app/[id]', 'app/[id]/page.tsx', true],
    ['app/*/page.tsx', 'app/[id]/page.tsx', true],
    ['src/\\*.py', 'src/a.py', false],
    ['src/a.rb::empty?', 'src/a.rb::empty?', true],
    ['src/@(a|b).py', 'src/a.py', true],
    ['src/a?b', 'src/a/b', false],
    ['src/x**/b.py', 'src/xb.py', false],
    ['src/[a-c0-9].py', 'src/[b-d5].py', true],
    ['src/[c-a]*.py', 'src/-x.py', true],
    ['src/{a,{b,c}}.py', 'src/c.py', true],
    ['src/{a,{b,c}}.py', 'src/{b.py', false],
    ['src/{id}*.py', 'src/id1.py', false],
    ['src/\\[*.py', 'src/[a.py', true],
    ['src/a_long_name_of_more_than_32_letters/*.py', 'src/a_long_name_of_more_than_32_letters/x.ts', false],
    ['src/' + '*x'.repeat(400), 'src/a.py', true],
    ['src/' + '*x'.repeat(400), 'lib/a.py', false],
  ] as const) {
    t.equal(overlap(address(a), address(b)), wanted, `${a.slice(0, 40)} and ${b.slice(0, 40)}`);
    t.equal(overlap(address(b), address(a)), wanted, `${b.slice(0, 40)} and ${a.slice(0, 40)}`);
  }
});

t.test('an address covers what lies below it, and not what lies above', async (t) => {
  for (const [outer, inner, wanted] of [
    ['src', 'src/a.py', true],
    ['src/a.py', 'src', false],
    ['src/a.py', 'src/a.py', true],
    ['src/*', 'src/a.py::f', true],
    ['src/*', 'src', false],
    ['src/a.py::A', 'src/a.py::A.b', true],
    ['src/a.py::A.b', 'src/a.py::A', false],
    ['src/**', 'src/*.py', false],
    ['src/*.py', 'src/*.py', true],
    ['src', 'src/*.py', true],
  ] as const)
    t.equal(covers(address(outer), address(inner)), wanted, `${outer} covers ${inner}`);
});

/** The reference that a person would write without a thought for speed: it tries all short texts over a small alphabet. */
const NAMES = ['a', 'b', 'ab'];
const UNIVERSE = [
  ...NAMES,
  ...NAMES.flatMap((x) => NAMES.map((y) => `${x}/${y}`)),
  ...NAMES.flatMap((x) => NAMES.flatMap((y) => NAMES.map((z) => `${x}/${y}/${z}`))),
].flatMap((path) => [path, ...NAMES.flatMap((x) => [`${path}::${x}`, ...NAMES.map((y) => `${path}::${x}.${y}`)])]);

const WILD: Readonly<Record<string, string>> = { '**/': '(?:[^:]+/)?', '**': '[^:]*', '*': '[^/:]*', '?': '[^/:]' };

const plainRegExp = (text: string): RegExp =>
  new RegExp(
    `^${text.replace(/(?<=^|\/)\*\*\/|\*\*|\*|\?|[^*?]/g, (part) => WILD[part] ?? part.replace('.', '\\.'))}$`,
  );

const ancestors = (text: string): string[] => {
  const [path = '', symbol] = text.split('::');
  const names = path.split('/');
  const paths = names.map((_, i) => names.slice(0, i + 1).join('/'));
  const parts = symbol?.split('.') ?? [];
  return [...paths, ...parts.map((_, i) => `${path}::${parts.slice(0, i + 1).join('.')}`)];
};
const ABOVE = new Map(UNIVERSE.map((text) => [text, ancestors(text)]));

const plainCovers = (text: string): ((target: string) => boolean) => {
  const expression = plainRegExp(text);
  return (target) => ABOVE.get(target)!.some((above) => above === text || expression.test(above));
};

const part = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '?', '*b');
const spelled = fc
  .tuple(fc.array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 3 }), fc.array(part, { maxLength: 2 }))
  .map(([names, symbol]) => names.join('/') + (symbol.length > 0 ? `::${symbol.join('.')}` : ''));
const literal = fc.constantFrom(...UNIVERSE);

t.test('property: a pattern covers the same addresses as in a plain reading of it', async () => {
  fc.assert(
    fc.property(spelled, literal, (pattern, target) => {
      const said = covers(address(pattern), address(target));
      return said === plainCovers(pattern)(target);
    }),
    { numRuns: 3_000 },
  );
});

t.test('property: two addresses overlap if some text lies in both, and their order does not matter', async () => {
  fc.assert(
    fc.property(spelled, spelled, (a, b) => {
      const said = overlap(address(a), address(b));
      const [inA, inB] = [plainCovers(a), plainCovers(b)];
      const shared = UNIVERSE.some((text) => inA(text) && inB(text));
      // Two patterns may also meet outside the small set of texts; a text inside it must be found.
      return said === overlap(address(b), address(a)) && (!shared || said);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(literal, literal, (a, b) => {
      const [inA, inB] = [plainCovers(a), plainCovers(b)];
      const shared = UNIVERSE.some((text) => inA(text) && inB(text));
      return overlap(address(a), address(b)) === shared;
    }),
    { numRuns: 500 },
  );
});

t.test('property: the normal form of a normal form is itself', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', ':', ' ', '*', '[', ']', '\\', '{', '}', ',') });
  fc.assert(
    fc.property(text, (spelling) => {
      const parsed = parseAddress(spelling);
      if (!parsed.ok) return true;
      const again = parseAddress(parsed.address.text);
      return again.ok && again.address.text === parsed.address.text && overlap(again.address, parsed.address);
    }),
    { numRuns: 3_000 },
  );
});

t.test('property: the index finds what a search of all entries finds, after any additions and removals', async () => {
  const owner = fc.constantFrom('r1', 'r2', 'r3', 'r4');
  const change = fc.tuple(fc.constantFrom('add', 'add', 'remove'), owner, fc.oneof(spelled, literal));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.oneof(spelled, literal), (changes, asked) => {
      const index = new AddressIndex();
      const standing = new Map<string, { owner: string; address: Address }>();
      for (const [what, owner, text] of changes) {
        const entry = { owner, address: address(text) };
        if (what === 'add') {
          index.add(owner, entry.address);
          standing.set(`${owner} ${entry.address.text}`, entry);
        } else {
          index.remove(owner, entry.address);
          standing.delete(`${owner} ${entry.address.text}`);
        }
      }
      const wanted = address(asked);
      const names = (entries: Iterable<{ owner: string; address: Address }>): string[] =>
        [...entries].map((entry) => `${entry.owner} ${entry.address.text}`).sort();
      const all = [...standing.values()];
      const overlapping = names(all.filter((entry) => overlap(entry.address, wanted)));
      const covering = names(all.filter((entry) => covers(entry.address, wanted)));
      return (
        names(index.overlapping(wanted)).join() === overlapping.join() &&
        names(index.covering(wanted)).join() === covering.join()
      );
    }),
    { numRuns: 300 },
  );
});

t.test('a hostile address costs no more than its length', async (t) => {
  const deep = address('a/'.repeat(4_000));
  const wild = address('*a'.repeat(30) + 'b');
  const index = new AddressIndex();
  index.add('deep', deep);
  index.add('wild', wild);
  t.same(
    [...index.overlapping(address('a'))].map(({ owner }) => owner),
    ['deep'],
  );
  t.equal(overlap(wild, address('a'.repeat(900))), false);
  t.equal(overlap(wild, address('a'.repeat(8_000))), true, 'too long to be sure');
  t.equal(overlap(address('{a,b}'.repeat(80)), address('c')), true, 'too many alternatives to be sure');
});
