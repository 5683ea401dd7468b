import t from 'tap';
import { fittedExponent, median, pairedRatios, percentile, tailRatio } from '../../bench/statistics.js';

t.test('the exponent of a power law is found, whatever its factor', async (t) => {
  for (const exponent of [0, 0.5, 1, 2]) {
    const points = [1, 10, 1_000].map((x) => [x, 7 * x ** exponent] as const);
    t.ok(Math.abs(fittedExponent(points) - exponent) < 1e-9, `n^${String(exponent)}`);
  }
});

t.test('zeros are left out of logarithmic fits', async (t) => {
  t.ok(
    Math.abs(
      fittedExponent([
        [0, 5],
        [10, 10],
        [100, 100],
      ]) - 1,
    ) < 1e-9,
  );
});

t.test('ratios compare neighbouring rounds', async (t) => {
  t.same(pairedRatios([2, 9, 4], [1, 3, 2]), [2, 3, 2]);
  t.equal(median([2, 3, 2]), 2);
  t.equal(median([1, 2]), 1.5);
});

t.test('a percentile is one of the measured values', async (t) => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  t.equal(percentile(values, 0.5), 50);
  t.equal(percentile(values, 0.99), 99);
  t.equal(percentile(values, 1), 100);
});

t.test('tails are compared over all rounds together', async (t) => {
  const quiet = Array.from({ length: 100 }, () => 1);
  const oneLong = [...quiet.slice(1), 9];
  t.equal(tailRatio([quiet, quiet], [quiet, quiet]), 1);
  t.equal(tailRatio([oneLong, quiet], [quiet, quiet]), 1, 'one of two hundred is beyond the p99');
  t.equal(tailRatio([oneLong, oneLong, oneLong], [quiet, quiet, quiet]), 1, 'as is one of each hundred');
  t.equal(tailRatio([[...quiet.slice(2), 9, 9]], [quiet]), 9);
});
