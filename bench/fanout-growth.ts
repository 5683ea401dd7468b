import type { Chart, Growth, Role } from './chart.js';
import { exponent } from './format-number.js';
import type { Load, Round } from './fanout-round.js';
import type { Table } from './report.js';
import { roundsOf, type Outcome } from './rounds.js';
import { exponentOf, median, pairedRatios, spread } from './statistics.js';
import { atLeast, type Target } from './target.js';

/** The clients in the load that every contender runs. */
const CONTEST_CLIENTS = 1_000;

export interface Measured {
  readonly load: Load;
  readonly outcome: ReadonlyMap<string, Outcome<Round>>;
}

export const rate = ({ deliveriesPerSecond }: Round): number => deliveriesPerSecond;

/** Returns how the wall-clock time of a delivery, or of an event, grows, in microseconds. */
function growth(measured: readonly Measured[], name: string, x: (load: Load) => number, isPerEvent = false): Growth {
  const points = measured.map(({ load, outcome }) => {
    const costs = roundsOf(outcome, name).map((round) => ((isPerEvent ? load.clients : 1) * 1e6) / rate(round));
    return { x: x(load), value: spread(costs) };
  });
  return { name, role: name === 'bus' ? 'ours' : 'baseline', points };
}

const byClients = (measured: readonly Measured[]): readonly Measured[] =>
  measured.filter(({ load }) => load.bytes === 250);
const bySize = (measured: readonly Measured[]): readonly Measured[] =>
  measured.filter(({ load }) => load.clients === CONTEST_CLIENTS);

/** Returns the load that every contender runs. */
const contestOf = (measured: readonly Measured[]): Measured =>
  measured.find(({ load }) => load.clients === CONTEST_CLIENTS && load.bytes === 250)!;

export function targets(measured: readonly Measured[]): Target[] {
  const { outcome } = contestOf(measured);
  const rates = (name: string): number[] => roundsOf(outcome, name).map(rate);
  const against = (name: string): number => median(pairedRatios(rates('bus'), rates(name)));
  const nats = rates('nats-server').length === 0 ? [] : [against('nats-server')];
  return [
    atLeast('deliveries/s to 1,000 clients, against bare publish', 1.15, against('bare publish'), ' ×'),
    ...nats.map((ratio) => atLeast('against nats-server', 2.5, ratio, ' ×')),
  ];
}

export function growthTable(measured: readonly Measured[]): Table {
  const exponents = (rows: readonly Measured[], x: (load: Load) => number, isPerEvent: boolean): string[] =>
    ['bus', 'bare publish'].map((name) => exponent(exponentOf(growth(rows, name, x, isPerEvent).points)));
  return {
    title: 'How the cost grows',
    columns: ['', 'bus', 'bare publish'],
    rows: [
      [
        'time of an event, with the number of clients',
        ...exponents(byClients(measured), ({ clients }) => clients, true),
      ],
      ['time of a delivery, with the size of the event', ...exponents(bySize(measured), ({ bytes }) => bytes, false)],
    ],
    notes: ['Fitted exponents: 0 does not grow, 1 grows in step.'],
  };
}

export function charts(measured: readonly Measured[]): Chart[] {
  const contest = contestOf(measured);
  const entries = [...contest.outcome]
    .filter(([, found]) => found.is === 'measured')
    .map(([name]) => ({
      name: name === 'bus' ? 'bus, from files' : name,
      role: ROLES[name] ?? ('peer' as const),
      value: spread(roundsOf(contest.outcome, name).map((round) => rate(round) / 1e6)),
    }));
  const lines = ['bus', 'bare publish'].map((name) =>
    growth(byClients(measured), name, ({ clients }) => clients, true),
  );
  return [
    {
      is: 'contest',
      title: 'Deliveries to 1,000 clients, events of 250 B',
      axis: 'millions a second',
      unit: 'M/s',
      entries,
    },
    {
      is: 'growth',
      file: 'clients',
      title: 'Telling everyone of one event of a burst',
      xAxis: 'clients',
      yAxis: 'microseconds per event',
      lines,
    },
  ];
}

const ROLES: Readonly<Record<string, Role>> = { bus: 'ours', 'bare publish': 'baseline' };
