import fc from 'fast-check';
import { EVENT_TYPES, KIND_DIRECTORIES, KINDS } from '../../protocol/index.js';

/** Values that are wrong in most places. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, -1, 0, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, '', '\u0000', '\ud83d', [], {}),
  fc.string({ maxLength: 40 }),
  fc.jsonValue({ maxDepth: 4 }),
);
const rarelyOdd = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });

const glob = fc
  .array(
    fc.constantFrom(
      '*',
      '**',
      '?',
      '/',
      'src',
      'a',
      '::',
      '{a,b}',
      '[a-z]',
      '!(a)',
      '+(a)',
      '@(a|b)',
      '.py',
      '\\',
      '(',
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((pieces) => pieces.join(''));
const text = fc.oneof(fc.constantFrom('r1', 'main', 'a', 'b'), fc.string({ maxLength: 300 }));
const some = (value: fc.Arbitrary<unknown>) => rarelyOdd(fc.array(rarelyOdd(value), { maxLength: 5 }));

const filter = fc.record(
  {
    kinds: some(fc.constantFrom(...KINDS, ...Object.values(KIND_DIRECTORIES))),
    run_ids: some(text),
    branches: some(text),
    event_types: some(fc.constantFrom(...EVENT_TYPES)),
    ids: some(text),
    addresses: some(fc.oneof(glob, text)),
    kind: odd,
  },
  { requiredKeys: [] },
);
const cursor = fc.oneof(
  fc.tuple(fc.constantFrom('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x'), fc.nat()).map(([epoch, n]) => `${epoch}:${String(n)}`),
  fc.string({ maxLength: 80 }),
);
const options = fc.record(
  {
    filter: rarelyOdd(filter),
    max_events: rarelyOdd(fc.integer({ min: 1, max: 50 })),
    since: rarelyOdd(cursor),
    snapshot: rarelyOdd(fc.constantFrom('full', 'none')),
    filtr: odd,
  },
  { requiredKeys: [] },
);
// Few ids, so that messages refer to the same subscription.
const sub = rarelyOdd(fc.nat({ max: 20 }));
const nonce = rarelyOdd(fc.nat());

/** A client's message by the grammar of the protocol, sometimes with a wrong value. */
export const clientMessage: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant(1), sub, rarelyOdd(options)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant(2), sub) },
  { weight: 2, arbitrary: fc.tuple(fc.constant(3), nonce, rarelyOdd(fc.constantFrom(...KINDS)), rarelyOdd(text)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant(3), nonce) },
  { weight: 2, arbitrary: fc.tuple(fc.constant(4), nonce) },
  { weight: 1, arbitrary: fc.array(odd, { maxLength: 5 }) },
);

const time = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('2999-01-01T00:00:00', '9999-12-31T23:59:59Z', '2025-02-30T00:00:00Z', '12', ''),
);

/** A record as agents write it, sometimes with a wrong value. */
export const record: fc.Arbitrary<unknown> = rarelyOdd(
  fc.record(
    {
      run_id: rarelyOdd(text),
      branch: rarelyOdd(text),
      addresses: rarelyOdd(fc.array(rarelyOdd(text), { maxLength: 6 })),
      reservation_id: rarelyOdd(fc.constantFrom('f1', 'f2', 'f3')),
      expires_at: rarelyOdd(time),
      extended_expires_at: rarelyOdd(time),
      detail: fc.jsonValue({ maxDepth: 6 }),
    },
    { requiredKeys: [] },
  ),
);
