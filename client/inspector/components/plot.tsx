import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { second } from '../page/times.js';
import { dropJob, inSlice } from '../page/slices.js';
import { canvasColors } from './canvas-colors.js';

export interface PlotProps {
  readonly label: string;
  /** Unix seconds, then one list for each series. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly series: readonly {
    readonly name: string;
    readonly color: 'accent' | 'warning' | 'muted';
    readonly fill?: boolean;
    readonly dash?: boolean;
  }[];
  readonly format: (value: number) => string;
}

/** A plot of numbers over the last minutes. */
export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  useEffect(() => {
    const element = place.current!;
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(props, element), props.data as uPlot.AlignedData, element);
    };
    inSlice(element, make);
    const observer = new ResizeObserver(() => plot.current?.setSize(sizeOf(element)));
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', make);
      dropJob(element);
      dropJob(plot);
      plot.current?.destroy();
    };
  }, []);
  const last = props.data[0]?.at(-1);
  useEffect(() => {
    inSlice(plot, () => plot.current?.setData(props.data as uPlot.AlignedData));
  }, [last]);
  return <div class="plot" ref={place} role="img" aria-label={props.label} />;
}

/** Steps between the labels of an axis: events and milliseconds are counted in whole numbers, and two labels must not read the same. */
const WHOLE_STEPS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].flatMap((power) => [power, 2 * power, 5 * power]);

const sizeOf = (element: HTMLElement) => ({ width: element.clientWidth, height: element.clientHeight });

function optionsOf({ series, format }: PlotProps, element: HTMLElement): uPlot.Options {
  const colors = canvasColors();
  const font = '11px system-ui, sans-serif';
  const axis = {
    stroke: colors.muted,
    font,
    grid: { stroke: colors.border, width: 1 },
    ticks: { show: false },
  } as const;
  return {
    ...sizeOf(element),
    padding: [8, 28, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, (Number.isFinite(high) ? high : 1) * 1.1)] } },
    axes: [
      { ...axis, size: 22, space: 70, values: (_plot, splits) => splits.map((at) => second(at * 1_000)) },
      { ...axis, size: 52, space: 26, incrs: WHOLE_STEPS, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...series.map(({ name, color, fill, dash }): uPlot.Series => ({
        label: name,
        stroke: colors[color],
        width: 1.25,
        // A line needs two points.
        points: {
          show: (plot, of) => Array.from(plot.data[of]!).filter((value) => value !== null).length === 1,
          size: 4,
        },
        spanGaps: true,
        ...(dash ? { dash: [3, 3] } : {}),
        ...(fill ? { fill: colors.faintAccent } : {}),
      })),
    ],
  };
}
