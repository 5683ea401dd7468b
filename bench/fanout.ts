import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren, type Start } from './child.js';
import type { Counted, CountingPlan } from './clients/counting-client.js';
import type { CountedSource } from './clients/wire-formats.js';
import type { Arrival } from './clients/payload-reader.js';
import { charts, growthTable, rate, targets, type Measured } from './fanout-growth.js';
import type { Load, Round } from './fanout-round.js';
import { startMosquitto, startNats, type Broker } from './peers/brokers.js';
import { cpuSecondsOf } from './process-stat.js';
import { formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import type { Sent } from './sent.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';

/** The messages that are sent, and the number of clients. */
/** A server, its clients and its writer, ready to send. */
interface Stage {
  readonly source: CountedSource;
  burst(): Promise<Sent>;
  /** CPU time of the serving process so far, seconds. */
  cpu(): Promise<number> | number;
  stop?(): Promise<void>;
}

type SetStage = (start: Start, root: string, load: Load, options: BenchOptions) => Promise<Stage>;

export const busFromFiles: SetStage = async (start, root, { events, bytes }, options) => {
  const writer = await start('clients/burst-writer', { root, files: events, bytes });
  const server = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
  return {
    source: { is: 'bus', ...server.ready },
    burst: () => writer.call<Sent>('burst'),
    cpu: () => server.call<number>('cpu'),
  };
};

const barePublish =
  (engine: 'uws' | 'ws'): SetStage =>
  async (start, _root, { events, bytes }) => {
    const server = await start<{ url: string }>('baselines/bare-publish', { engine, messages: events, bytes });
    return {
      source: { is: 'packed', url: server.ready.url },
      burst: () => server.call<Sent>('burst'),
      cpu: () => server.call<number>('cpu'),
    };
  };

const throughBroker =
  (startBroker: () => Promise<Broker>, broker: 'nats' | 'mqtt'): SetStage =>
  async (start, _root, { events, bytes }) => {
    const { source, port, pid, stop } = await startBroker();
    const publisher = await start('peers/broker-publisher', { broker, port, messages: events, bytes });
    return { source, burst: () => publisher.call<Sent>('burst'), cpu: () => cpuSecondsOf(pid), stop };
  };

/** How many of the counting connections also measure delays. */
const SAMPLED = 10;

export function fanoutSide(name: string, setStage: SetStage, load: Load, options: BenchOptions): Side<Round> {
  const run = (): Promise<Round> =>
    withRepository(0, ({ root }) =>
      withChildren(async (start) => {
        const stage = await setStage(start, root, load, options);
        try {
          return await measure(start, stage, load);
        } finally {
          await stage.stop?.();
        }
      }),
    );
  return { name, run };
}

async function measure(start: Start, stage: Stage, { clients, events }: Load): Promise<Round> {
  const canSample = stage.source.is === 'bus' || stage.source.is === 'packed';
  const sampled = canSample ? Math.min(SAMPLED, Math.ceil(clients / 10)) : 0;
  const crowd = await start('clients/counting-client', {
    source: stage.source,
    connections: clients,
    sampled,
  } satisfies CountingPlan);
  const cpuBefore = await stage.cpu();
  const counting = crowd.call<Counted>('await', events);
  const sent = await stage.burst();
  const { finishedAtMs, cpuSeconds } = await counting;
  const cpu = (await stage.cpu()) - cpuBefore;
  const deliveries = await crowd.call<number>('total');
  if (deliveries !== clients * events)
    throw new Error(`${String(deliveries)} of ${String(clients * events)} delivered`);
  const delays = (await crowd.call<Arrival[]>('arrivals')).map(([seq, atMs]) => atMs - sent.atMs[seq]!);
  return {
    deliveriesPerSecond: deliveries / ((finishedAtMs - sent.startedAtMs) / 1_000),
    serverCpuSeconds: cpu / (deliveries / 1e6),
    clientCpuSeconds: cpuSeconds / (deliveries / 1e6),
    p99Ms: delays.length === 0 ? undefined : percentile(delays, 0.99),
  };
}

interface Comparison {
  readonly load: Load;
  readonly peers: boolean;
}

const EVENTS = 2_000;
/** The events for contenders that take ten times as long, so that their round takes seconds. */
const FEW_EVENTS = 200;

export const THOUSAND: Load = { clients: 1_000, events: EVENTS, bytes: 250 };

const COMPARISONS: readonly Comparison[] = [
  { load: { clients: 1, events: EVENTS, bytes: 250 }, peers: false },
  { load: { clients: 100, events: EVENTS, bytes: 250 }, peers: false },
  { load: THOUSAND, peers: true },
  { load: { clients: 1_000, events: 500, bytes: 2_048 }, peers: false },
  { load: { clients: 1_000, events: 100, bytes: 16_384 }, peers: false },
  { load: { clients: 10_000, events: 300, bytes: 250 }, peers: false },
];

/** Measures the way from files to many clients, against publishing without files. */
export const fanout: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  const measured: Measured[] = [];
  for (const { load, peers } of COMPARISONS) {
    const name = `${String(load.clients)} clients, ${String(load.bytes)} B`;
    if (!name.includes(options.only)) continue;
    const few = { ...load, events: FEW_EVENTS };
    const sides = [
      fanoutSide('bus', busFromFiles, load, options),
      fanoutSide('bare publish', barePublish('uws'), load, options),
      ...(peers
        ? [
            fanoutSide('nats-server', throughBroker(startNats, 'nats'), load, options),
            fanoutSide('ws', barePublish('ws'), few, options),
            fanoutSide('mosquitto', throughBroker(startMosquitto, 'mqtt'), few, options),
          ]
        : []),
    ];
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`${name}: ${text}`));
    raw[name] = Object.fromEntries(outcome);
    measured.push({ load, outcome });
    rows.push(...[...outcome].map(([contender, found]) => row(name, contender, found, outcome.get('bus')!)));
  }
  const tables = [{ title: 'Deliveries', columns: COLUMNS, rows, notes: NOTES }];
  if (options.only !== '') return { tables, raw };
  return { tables: [...tables, growthTable(measured)], charts: charts(measured), targets: targets(measured), raw };
};

const COLUMNS = [
  '',
  'by',
  'deliveries/s',
  'spread',
  'bus ÷ this',
  'server CPU s/million',
  'client CPU s/million',
  'p99 ms',
];

const NOTES = [
  `${String(EVENTS)} events of 250 B (500 of 2 KB, 100 of 16 KB, 300 to 10,000 clients; ${String(FEW_EVENTS)} for ws and mosquitto). The bus is timed from the first rename, through reading the files, to the last delivery; the others from their first publish, of messages packed beforehand.`,
  'All clients are in one process that counts events by the heads of frames; every delivery is accounted for.',
  'p99: from the rename or publish of an event to its decoding at one of ten clients, with the whole burst before and behind it.',
];

function row(name: string, contender: string, found: Outcome<Round>, bus: Outcome<Round>): string[] {
  if (found.is === 'skipped') return [name, contender, `skipped: ${found.why}`, '', '', '', '', ''];
  const rates = found.rounds.map(rate);
  const ours = bus.is === 'measured' ? bus.rounds.map(rate) : [];
  const { median: middle, low, high } = spread(rates);
  const millions = (value: number): string => `${formatNumber(value / 1e6)} M`;
  return [
    name,
    contender,
    millions(middle),
    `${millions(low)}–${millions(high)}`,
    contender === 'bus' ? '' : formatNumber(median(pairedRatios(ours, rates))),
    formatNumber(median(found.rounds.map((round) => round.serverCpuSeconds))),
    formatNumber(median(found.rounds.map((round) => round.clientCpuSeconds))),
    formatNumber(median(found.rounds.map((round) => round.p99Ms ?? NaN))),
  ];
}
