import fc from 'fast-check';
import t from 'tap';
import { isNestedDeeper } from '../../../server/watch/nesting.js';

const depthOf = (value: unknown): number =>
  typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf));

t.test('the depth of JSON is found exactly, whatever its strings hold', async () => {
  const text = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'ä', ',') });
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 8, withCrossShrink: true },
      text,
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.integer({ min: 0, max: 9 }), (json, maxDepth) => {
      return isNestedDeeper(Buffer.from(JSON.stringify(json)), maxDepth) === depthOf(json) > maxDepth;
    }),
    { numRuns: 2_000 },
  );
});

t.test('counting ends on input that is not JSON, too', async (t) => {
  t.equal(isNestedDeeper(Buffer.from('"[[[['), 1), false);
  t.equal(isNestedDeeper(Buffer.from('"\\'), 1), false);
  t.equal(isNestedDeeper(Buffer.from(']]]]['), 1), false);
  t.equal(isNestedDeeper(Buffer.from('['.repeat(100_000)), 32), true);
});
