import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Chart, Contest, Growth, Growths, Role } from './chart.js';
import { formatNumber, exponent } from './format-number.js';
import { exponentOf } from './statistics.js';

const WIDTH = 760;
const MARGIN_TOP = 64;
const MARGIN_BOTTOM = 52;
/** Legible on a light page and on a dark one, like the colours below. */
const INK = '#777777';
const COLOUR_BY_ROLE: Readonly<Record<Role, string>> = { ours: '#2f81f7', baseline: INK, peer: '#c77700' };
/** Colours for the second and later contenders of one role. */
const FURTHER = ['#2da44e', '#a371f7', '#d6409f', '#0aa2a2'];

/** Returns a chart as the text of an SVG file: transparent, without scripts, and without references to other files. */
export function draw(chart: Chart): string {
  const svg = chart.is === 'contest' ? contest(chart) : growths(chart);
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', chart.title);
  // `currentColor` in an image on a page is always black, whatever the page's colour is.
  svg.setAttribute('fill', INK);
  return `${svg.outerHTML.replaceAll('currentColor', INK)}\n`;
}

/** Draws the title inside the picture. Plot's own title would be a heading outside it. */
const titled = (title: string): Plot.Markish =>
  Plot.text([title], {
    frameAnchor: 'top-left',
    dy: 16 - MARGIN_TOP,
    fontSize: 14,
    fontWeight: 600,
    fill: INK,
  });

const FRAME = {
  width: WIDTH,
  marginTop: MARGIN_TOP,
  marginBottom: MARGIN_BOTTOM,
  style: { fontSize: '12px', color: INK },
} as const;

const X_AXIS = { type: 'log', labelAnchor: 'center', labelOffset: 42, labelArrow: 'none' } as const;

function plot(options: Plot.PlotOptions): SVGSVGElement {
  const { document } = parseHTML('<html><body></body></html>');
  return Plot.plot({ ...FRAME, ...options, document }) as unknown as SVGSVGElement;
}

function contest({ title, axis, unit, entries }: Contest): SVGSVGElement {
  const rows = entries.map(({ name, role, value }) => ({
    name,
    colour: COLOUR_BY_ROLE[role],
    ...value,
    label: `${formatNumber(value.median)} ${unit}`,
  }));
  const [low, high] = bounds(rows);
  return plot({
    height: MARGIN_TOP + MARGIN_BOTTOM + 34 * rows.length,
    marginLeft: 250,
    marginRight: 96,
    x: { ...X_AXIS, label: axis, domain: [low, high], ticks: ticksBetween(low, high), tickFormat: plain, grid: true },
    y: { label: null, domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      titled(title),
      Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 8, strokeOpacity: 0.3 }),
      Plot.dot(rows, { y: 'name', x: 'median', fill: 'colour', r: 5 }),
      Plot.text(rows, { y: 'name', x: 'high', text: 'label', textAnchor: 'start', dx: 10, fill: 'colour' }),
    ],
  });
}

const HEIGHT = 400;
const LINE_HEIGHT = 17;

function growths({ title, xAxis, yAxis, lines }: Growths): SVGSVGElement {
  const colours = coloursOf(lines);
  const points = lines.flatMap((line, i) =>
    line.points.map(({ x, value }) => ({ x, name: line.name, colour: colours[i]!, ...value })),
  );
  const [low, high] = bounds(points);
  const xs = points.map(({ x }) => x);
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  return plot({
    height: HEIGHT,
    marginLeft: 70,
    marginRight: 275,
    x: { ...X_AXIS, label: xAxis, domain: [from, to], ticks: ticksBetween(from, to), tickFormat: plain },
    y: {
      type: 'log',
      label: null,
      domain: [low, high],
      ticks: ticksBetween(low, high),
      tickFormat: plain,
      grid: true,
    },
    marks: [
      titled(title),
      Plot.text([yAxis], { frameAnchor: 'top-left', dx: -60, dy: 40 - MARGIN_TOP, fill: INK }),
      Plot.ruleX(points, { x: 'x', y1: 'low', y2: 'high', stroke: 'colour', strokeWidth: 6, strokeOpacity: 0.3 }),
      Plot.line(points, { x: 'x', y: 'median', stroke: 'colour', z: 'name', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'median', fill: 'colour', r: 3.5 }),
      Plot.text(labels(lines, colours, low, high, to), {
        x: 'x',
        y: 'y',
        text: 'text',
        textAnchor: 'start',
        dx: 12,
        fill: 'colour',
      }),
    ],
  });
}

function coloursOf(lines: readonly Growth[]): string[] {
  const used = new Set<Role>();
  const further = [...FURTHER];
  return lines.map(({ role }) => {
    const isFirst = !used.has(role);
    used.add(role);
    return isFirst ? COLOUR_BY_ROLE[role] : further.shift()!;
  });
}

/** Returns each line's name beside its end. Names that would overlap are moved apart. */
function labels(lines: readonly Growth[], colours: readonly string[], low: number, high: number, x: number) {
  const decades = Math.log10(high / low);
  const height = HEIGHT - MARGIN_TOP - MARGIN_BOTTOM;
  const placed = lines
    .map(({ name, points }, i) => ({
      text: `${name}  ∝ n^${exponent(exponentOf(points))}`,
      colour: colours[i]!,
      down: (Math.log10(high / points.at(-1)!.value.median) / decades) * height,
    }))
    .sort((a, b) => a.down - b.down);
  let free = 0;
  for (const label of placed) {
    label.down = Math.max(label.down, free);
    free = label.down + LINE_HEIGHT;
  }
  return placed.map(({ text, colour, down }) => ({ x, text, colour, y: high / 10 ** ((down / height) * decades) }));
}

/** Returns the bounds of a logarithmic axis, with a small margin. */
function bounds(values: readonly { readonly low: number; readonly high: number }[]): [number, number] {
  return [Math.min(...values.map(({ low }) => low)) / 1.3, Math.max(...values.map(({ high }) => high)) * 1.3];
}

/** Returns the powers of ten, and if those are too few, also twice and five times each. */
function ticksBetween(low: number, high: number): number[] {
  const within = (steps: readonly number[]): number[] => {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(1)));
    }
    return ticks.filter((tick) => tick >= low && tick <= high);
  };
  const tens = within([1]);
  return tens.length >= 3 ? tens : within([1, 2, 5]);
}

const plain = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 6 });
