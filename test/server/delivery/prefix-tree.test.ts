import fc from 'fast-check';
import t from 'tap';
import { PrefixTree } from '../../../server/delivery/prefix-tree.js';

function found(tree: PrefixTree<string>, text: string): string[] {
  const values: string[] = [];
  tree.eachPrefixOf([text], (value) => values.push(value));
  return values.sort();
}

t.test('exactly the values whose prefix begins the text are found', async (t) => {
  const tree = new PrefixTree<string>();
  for (const prefix of ['', 'src', 'src/a', 'src/ab', 'lib']) tree.add(prefix, `<${prefix}>`);
  tree.add('src', 'another');
  t.same(found(tree, 'src/ab.py'), ['<>', '<src/a>', '<src/ab>', '<src>', 'another']);
  t.same(found(tree, 'src'), ['<>', '<src>', 'another']);
  t.same(found(tree, ''), ['<>']);
});

t.test('a deleted value is not found, and deleting a missing value has no effect', async (t) => {
  const tree = new PrefixTree<string>();
  tree.add('ab', '1');
  tree.add('abc', '2');
  tree.delete('ab', '1');
  tree.delete('abx', '9');
  tree.delete('a', '9');
  t.same(found(tree, 'abcd'), ['2']);
  tree.delete('abc', '2');
  t.same(found(tree, 'abcd'), []);
});

t.test('after any sequence of adds and deletes it holds the same as a plain list', async () => {
  const prefix = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fc.record({ add: fc.boolean(), prefix }), { maxLength: 60 }), prefix, (operations, text) => {
      const tree = new PrefixTree<string>();
      const model = new Set<string>();
      for (const operation of operations) {
        if (operation.add) {
          tree.add(operation.prefix, operation.prefix);
          model.add(operation.prefix);
        } else {
          tree.delete(operation.prefix, operation.prefix);
          model.delete(operation.prefix);
        }
      }
      const expected = [...model].filter((known) => text.startsWith(known)).sort();
      return JSON.stringify(found(tree, text)) === JSON.stringify(expected);
    }),
    { numRuns: 100 },
  );
});

t.test('a prefix that many texts share is visited once', async (t) => {
  const tree = new PrefixTree<string>();
  for (const prefix of ['', 'src', 'src/a']) tree.add(prefix, `<${prefix}>`);
  const values: string[] = [];
  tree.eachPrefixOf(['src/a', 'src/b', 'lib', 'src/a'], (value) => values.push(value));
  t.same(values.sort(), ['<>', '<src/a>', '<src>']);
});
