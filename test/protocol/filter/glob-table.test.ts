import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { addressTexts, compileFilter, isGlob, matchable, parseFilter } from '../../../protocol/index.js';
import { planOf } from '../../../client/sdk/mirror-plan.js';

const TEXT = readFileSync(new URL('../../../protocol/PROTOCOL.md', import.meta.url), 'utf8');

const matches = (address: string, text: string): boolean =>
  compileFilter(parseFilter({ addresses: [address] })).matches(matchable('task', 't', { addresses: [text] }));

/** The texts in backquotes in a cell. */
const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);

const table = TEXT.slice(TEXT.indexOf('| address in the filter'), TEXT.indexOf('**Transitions.**'));
const rows = table
  .split('\n')
  .slice(2)
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.replaceAll('\\|', '|')),
  );

t.test('a filter matches as the table of addresses in PROTOCOL.md says', async (t) => {
  t.ok(rows.length >= 12, 'the table is found');
  for (const [address, is, passes, fails] of rows) {
    const [pattern] = quoted(address!);
    t.equal(isGlob(pattern!), is!.trim() === 'glob', `${pattern!} is a ${is!.trim()}`);
    for (const text of quoted(passes!)) t.ok(matches(pattern!, text), `${pattern!} passes ${text}`);
    for (const text of quoted(fails!)) t.notOk(matches(pattern!, text), `${pattern!} does not pass ${text}`);
  }
});

const SIGNS = ['*', '?', '[', ']', '{', '}', '(', ')', '!', '+', '@', '|', '"', '^', '$', '-', ',', '.'];

/** The addresses that are read in a text: "a.py, b.py" are two files, or one. */
const readIn = (text: string): readonly string[] => addressTexts({ addresses: [text] });

const escaped = (text: string): string => text.replace(/[^a-z0-9]/g, '\\$&');

t.test('an escaped sign means itself, before and behind a wildcard', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '\\', ...SIGNS), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(text, text, text, (before, behind, other) => {
      const exact = escaped(before);
      if (!matches(exact, before)) throw new Error(`${exact} on ${before}`);
      const read = readIn(other);
      if (!read.includes(exact) && matches(exact, other) !== read.includes(before))
        throw new Error(`${exact} on ${other}`);
      const around = `${exact}*${escaped(behind)}`;
      if (!matches(around, `${before}x${behind}`)) throw new Error(`${around} on ${before}x${behind}`);
    }),
    { numRuns: 5_000 },
  );
});

t.test('a glob with any backslashes compiles in finite time, and the signs after them are literal', async (t) => {
  t.ok(matches('a]\\\\\\\\', 'a]\\\\'), 'picomatch itself does not terminate on this one');
  t.ok(matches('[ab]\\\\\\\\', 'a\\\\'));
  t.ok(matches('a\\\\\\*', 'a\\*'));
  t.ok(matches('a\\', 'a\\'));
  t.ok(matches('*\\', 'a\\'));
  t.ok(matches('C:\\src\\*\\d1', 'C:\\src*\\d1'), 'before a letter a backslash is an ordinary character');
  t.ok(matches('[\\]a]b', ']b'));
});

t.test('an address without a wildcard sign matches only a text in which it is read', async () => {
  const unit = fc.constantFrom('a', 'b', '/', '.', '+', '@', '|', '}', ']', '!', '^', '$', ',', ':', '-', ' ', 'é');
  // A blank one is refused: it comes from a variable that is not set.
  const text = fc
    .string({ unit, minLength: 1, maxLength: 6 })
    .filter((address) => !isGlob(address) && address.trim() !== '');
  fc.assert(
    fc.property(text, text, (pattern, address) => {
      if (matches(pattern, address) !== readIn(address).includes(pattern)) throw new Error(`${pattern} on ${address}`);
    }),
    { numRuns: 5_000 },
  );
});

t.test('an escaped wildcard does not count towards the limit of wildcards', async (t) => {
  const address = Array.from({ length: 20 }, (_, i) => `\\[a${String(i)}\\]`).join('/');
  t.ok(matches(address, address.replaceAll('\\', '')));
  t.throws(() => parseFilter({ addresses: ['[a]b'.repeat(20)] }), /max_glob_wildcards/);
});

t.test('a mirror leaves every glob to the server', async (t) => {
  for (const address of ['"a"', './a', '!a', '\\*', 'a*'])
    t.ok(planOf({ addresses: [address], kinds: ['task'] }, true).leases, address);
  t.notOk(planOf({ addresses: ['a+b@c'], kinds: ['task'] }, true).leases, 'and compares texts by itself');
});
