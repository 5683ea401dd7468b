import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren, type Child } from './child.js';
import type { Counted, CountingPlan } from './clients/counting-client.js';
import type { CountedSource } from './clients/dialects.js';
import { digits } from './report.js';
import { withRepository } from './repository.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import { median, pairedRatios, spread } from './statistics.js';

/** What is sent to how many. */
interface Load {
  readonly clients: number;
  readonly events: number;
  readonly bytes: number;
}

interface Round {
  readonly deliveriesPerSecond: number;
  /** Of the serving process, per million deliveries. */
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
}

type Start = typeof Child.start;

interface Stage {
  readonly source: CountedSource;
  /** Sends everything, and says when it began. */
  burst(): Promise<number>;
  /** CPU of the serving process so far, seconds. */
  cpu(): Promise<number>;
}

type SetStage = (start: Start, root: string, load: Load, options: BenchOptions) => Promise<Stage>;

const busFromFiles: SetStage = async (start, root, { events, bytes }, options) => {
  const writer = await start('clients/burst-writer', { root, files: events, bytes });
  const server = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
  return {
    source: { is: 'bus', ...server.ready },
    burst: () => writer.call<number>('burst'),
    cpu: () => server.call<number>('cpu'),
  };
};

const barePublish =
  (engine: 'uws' | 'ws'): SetStage =>
  async (start, _root, { events, bytes }) => {
    const server = await start<{ url: string }>('floors/bare-publish', { engine, messages: events, bytes });
    return {
      source: { is: 'packed', url: server.ready.url },
      burst: () => server.call<number>('burst'),
      cpu: () => server.call<number>('cpu'),
    };
  };

function side(name: string, setStage: SetStage, load: Load, options: BenchOptions): Side<Round> {
  const run = (): Promise<Round> =>
    withRepository(0, ({ root }) =>
      withChildren(async (start) => {
        const stage = await setStage(start, root, load, options);
        const plan: CountingPlan = { source: stage.source, connections: load.clients };
        const clients = await start('clients/counting-client', plan);
        const cpuBefore = await stage.cpu();
        const counted = clients.call<Counted>('await', load.events);
        const startedAtMs = await stage.burst();
        const { finishedAtMs, deliveries, cpuSeconds } = await counted;
        const cpu = (await stage.cpu()) - cpuBefore;
        const millions = (load.clients * load.events) / 1e6;
        if (deliveries !== load.clients * load.events) throw new Error(`${name}: ${String(deliveries)} deliveries`);
        return {
          deliveriesPerSecond: (millions * 1e6) / ((finishedAtMs - startedAtMs) / 1_000),
          serverCpuSeconds: cpu / millions,
          clientCpuSeconds: cpuSeconds / millions,
        };
      }),
    );
  return { name, run };
}

const EVENTS = 2_000;

const LOADS: readonly Load[] = [
  { clients: 1_000, events: EVENTS, bytes: 250 },
  { clients: 1, events: EVENTS, bytes: 250 },
  { clients: 100, events: EVENTS, bytes: 250 },
  { clients: 10_000, events: EVENTS, bytes: 250 },
  { clients: 1_000, events: EVENTS, bytes: 2_048 },
];

/** From files to many clients, against publishing with no files at all. */
export const fanout: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  for (const load of LOADS) {
    const name = `${String(load.clients)} clients, ${String(load.bytes)} B`;
    if (!name.includes(options.only)) continue;
    const sides = [side('bus', busFromFiles, load, options), side('bare publish', barePublish('uws'), load, options)];
    const outcome = await alternate(sides, options.rounds, (text) => options.note(`${name}: ${text}`));
    raw[name] = Object.fromEntries(outcome);
    rows.push(...[...outcome].map(([contender, found]) => row(name, contender, found, outcome.get('bus')!)));
  }
  const columns = ['', 'by', 'deliveries/s', 'spread', 'server CPU s/million', 'client CPU s/million', 'bus ÷ this'];
  return { tables: [{ title: 'Deliveries', columns, rows, notes: NOTES }], raw };
};

const NOTES = [
  `${String(EVENTS)} events. The bus is timed from the first rename, through reading the files, to the last delivery; the others from their first publish, of messages packed beforehand.`,
];

function row(name: string, contender: string, found: Outcome<Round>, bus: Outcome<Round>): string[] {
  if (found.is === 'skipped') return [name, contender, `skipped: ${found.why}`, '', '', '', ''];
  const rates = found.rounds.map((round) => round.deliveriesPerSecond);
  const ours = bus.is === 'measured' ? bus.rounds.map((round) => round.deliveriesPerSecond) : [];
  const { median: middle, low, high } = spread(rates);
  const millions = (value: number): string => `${digits(value / 1e6)} M`;
  return [
    name,
    contender,
    millions(middle),
    `${millions(low)}–${millions(high)}`,
    digits(median(found.rounds.map((round) => round.serverCpuSeconds))),
    digits(median(found.rounds.map((round) => round.clientCpuSeconds))),
    contender === 'bus' ? '' : digits(median(pairedRatios(ours, rates))),
  ];
}
