import t from 'tap';
import type { Chart } from '../../bench/chart.js';
import { draw } from '../../bench/draw.js';

const value = (median: number) => ({ median, low: median / 2, high: median * 2 });

const CHARTS: Readonly<Record<string, Chart>> = {
  contest: {
    is: 'contest',
    title: 'Who is first',
    axis: 'milliseconds',
    unit: 'ms',
    entries: [
      { name: 'the baseline', role: 'baseline', value: value(1) },
      { name: 'ours', role: 'ours', value: value(1.25) },
    ],
  },
  growth: {
    is: 'growth',
    title: 'How it grows',
    xAxis: 'records',
    yAxis: 'milliseconds',
    lines: [
      { name: 'ours', role: 'ours', points: [1, 10, 100].map((x) => ({ x, value: value(3) })) },
      { name: 'in step', role: 'baseline', points: [1, 10, 100].map((x) => ({ x, value: value(x) })) },
    ],
  },
};

for (const [name, chart] of Object.entries(CHARTS)) {
  t.test(`a ${name} is a picture that loads no other file`, async (t) => {
    const svg = draw(chart);
    t.match(svg, /^<svg /);
    t.match(svg, 'xmlns="http://www.w3.org/2000/svg"', 'it is a complete file');
    t.ok(svg.includes(`>${chart.title}</text>`), 'its title is in it');
    t.notMatch(
      svg,
      /currentColor|<script|href|NaN/,
      'without the colour of a page, a script, a link or a missing number',
    );
  });
}

t.test('the slope of a line is printed beside the line', async (t) => {
  const svg = draw(CHARTS['growth']!);
  t.ok(svg.includes('>ours  ∝ n^0.00</text>'));
  t.ok(svg.includes('>in step  ∝ n^1.00</text>'));
});

t.test('a value is printed beside its mark, with three digits and its unit', async (t) => {
  t.ok(draw(CHARTS['contest']!).includes('>1.25 ms</text>'));
});
