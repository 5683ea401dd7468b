import { serverArgv, type Bench, type BenchOptions } from './bench.js';
import { withChildren, type Child } from './child.js';
import type { CountedSource } from './clients/wire-formats.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { Pace } from './clients/pace-writer.js';
import { count, formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import { median, pairedRatios, spread } from './statistics.js';

const CLIENTS = 10_000;
/** The clients are several processes, as one would take longer to read an event than the pause until the next. */
const PROCESSES = 2;
/** So slowly that an event has been delivered to all before the next one, also on a machine with other work. */
const PACE: Pace = { perSecond: 2, seconds: 10 };
const EVENTS = PACE.perSecond * PACE.seconds;

/** CPU time of the server per delivery, microseconds. */
interface Cost {
  readonly program: number;
  readonly kernel: number;
}

/** Measures the server while `write` makes the events. */
async function measure(
  server: Child,
  start: Parameters<Parameters<typeof withChildren>[0]>[0],
  source: CountedSource,
  write: () => Promise<unknown>,
): Promise<Cost> {
  const crowds: Child[] = [];
  const plan: CountingPlan = { source, connections: CLIENTS / PROCESSES };
  for (let i = 0; i < PROCESSES; i++) crowds.push(await start('clients/counting-client', plan));
  const before = await server.call<NodeJS.CpuUsage>('usage');
  const received = crowds.map((crowd) => crowd.call('await', EVENTS));
  await write();
  await Promise.all(received);
  const after = await server.call<NodeJS.CpuUsage>('usage');
  const deliveries = CLIENTS * EVENTS;
  return { program: (after.user - before.user) / deliveries, kernel: (after.system - before.system) / deliveries };
}

const busSide = (root: string, options: BenchOptions): Side<Cost> => ({
  name: 'bus',
  run: () =>
    withChildren(async (start) => {
      const bus = await start<{ url: string; token: string }>('programs/bus', { root }, serverArgv(options));
      const writer = await start('clients/pace-writer', { root, directory: 'intents' });
      return measure(bus, start, { is: 'bus', ...bus.ready }, () => writer.call('write', PACE));
    }),
});

const loopSide: Side<Cost> = {
  name: 'bare send',
  run: () =>
    withChildren(async (start) => {
      const server = await start<{ url: string }>('baselines/bare-send', null);
      return measure(server, start, { is: 'packed', ...server.ready }, () => server.call('write', PACE));
    }),
};

/** Measures the CPU time of a delivery when each event comes alone, so that nothing can be sent together. */
export const alone: Bench = async (options) => {
  const outcome = await withRepository(0, ({ root }) =>
    alternate([busSide(root, options), loopSide], options.rounds, options.note),
  );
  const [bus, loop] = ['bus', 'bare send'].map((name) => roundsOf(outcome, name));
  const all = ({ program, kernel }: Cost): number => program + kernel;
  const row = (name: string, rounds: readonly Cost[]): string[] => [
    name,
    ...[all, ({ program }: Cost) => program, ({ kernel }: Cost) => kernel].map((of) =>
      formatNumber(median(rounds.map(of))),
    ),
  ];
  const ratio = spread(pairedRatios(bus!.map(all), loop!.map(all)));
  const spreadOf = `${formatNumber(ratio.low)}–${formatNumber(ratio.high)}`;
  return {
    tables: [
      {
        title: 'One event at a time',
        columns: [`CPU µs of a delivery, ${count(CLIENTS)} clients`, 'all', 'in the program', 'in the kernel'],
        rows: [
          row('bus', bus!),
          row('bare send', loop!),
          ['bus ÷ bare send', `${formatNumber(ratio.median)} (${spreadOf})`, '', ''],
        ],
        notes: [
          `${String(PACE.perSecond)} events a second for ${String(PACE.seconds)} s. Bare send: a loop over the sockets of uWebSockets.js that calls \`send\` with one message made beforehand; no files, no filter, no bound, no look at the result.`,
          'In the kernel: the call that sends, which on loopback also does the work of the receiving end.',
        ],
      },
    ],
    raw: Object.fromEntries(outcome),
  };
};
