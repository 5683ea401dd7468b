import type { BenchOptions } from './bench.js';
import type { Chart, Role } from './chart.js';
import { withChildren, type How, type Start } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { CountedSource } from './clients/wire-formats.js';
import { formatNumber } from './format-number.js';
import { residentBytesOf } from './process-stat.js';
import type { Table } from './report.js';
import { withRepository } from './repository.js';
import { roundsOf, together, type Outcome, type Side } from './rounds.js';
import { median, spread } from './statistics.js';
import { atMost, type Target } from './target.js';

export const CONNECTIONS = 10_000;

/**
 * Measures resident memory per connection, bytes. Only the second half of the connections counts, because the engine allocates some memory
 * once, for the first ones.
 */
function memorySide(name: string, serve: (start: Start, root: string) => Promise<Held>): Side<number> {
  const run = (): Promise<number> =>
    withRepository(0, ({ root }) =>
      withChildren(async (start) => {
        const { source, server } = await serve(start, root);
        const half: CountingPlan = { source, connections: CONNECTIONS / 2 };
        await start('clients/counting-client', half);
        const before = await settledMemory(server);
        await start('clients/counting-client', { ...half, first: half.connections });
        return ((await settledMemory(server)) - before) / half.connections;
      }),
    );
  return { name, run };
}

interface Held {
  readonly source: CountedSource;
  readonly server: Awaited<ReturnType<Start>>;
}

/** Returns the memory after collections, so that garbage is not counted. */
async function settledMemory(server: Held['server']): Promise<number> {
  for (let i = 0; i < 3; i++) await server.call('memory');
  await sleep(500);
  await server.call('memory');
  return residentBytesOf(server.pid);
}

const COLLECTS: How = { argv: ['--expose-gc'] };

const bareConnections = async (start: Start): Promise<Held> => {
  const plan = { engine: 'uws', messages: 1, bytes: 250 };
  const server = await start<{ url: string }>('baselines/bare-publish', plan, COLLECTS);
  return { source: { is: 'packed', url: server.ready.url }, server };
};

type BusUse = 'unsubscribed' | 'one filter' | 'a filter each';

const busConnections =
  (use: BusUse, { build }: Pick<BenchOptions, 'build'> = {}) =>
  async (start: Start, root: string): Promise<Held> => {
    const how = build === undefined ? COLLECTS : { ...COLLECTS, build };
    const server = await start<{ url: string; token: string }>('programs/bus', { root }, how);
    const { ready } = server;
    switch (use) {
      case 'unsubscribed':
        return { source: { is: 'bus-unsubscribed', ...ready }, server };
      case 'one filter':
        return { source: { is: 'bus', ...ready }, server };
      case 'a filter each':
        return { source: { is: 'bus', ...ready, filter: { run_ids: ['run-#'] } }, server };
    }
  };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const roleOf = (name: string): Role =>
  name.startsWith('bus') ? 'ours' : name.startsWith('bare') ? 'baseline' : 'peer';

/** A connection that is subscribed to everything, for {@link compare}. */
export const subscribedSide = (options: BenchOptions): Side<number> =>
  memorySide('bus', busConnections('one filter', options));

export function memoryOfAll(options: BenchOptions): Promise<ReadonlyMap<string, Outcome<number>>> {
  const sides = [
    memorySide(BARE, bareConnections),
    memorySide('bus, connected', busConnections('unsubscribed')),
    memorySide('bus, subscribed to everything', busConnections('one filter')),
    memorySide('bus, subscribed to a run each', busConnections('a filter each')),
  ];
  return together(sides, options.rounds, (text) => options.note(`memory: ${text}`));
}

const BARE = 'bare uWebSockets.js';

export function memoryTable(outcome: ReadonlyMap<string, Outcome<number>>): Table {
  const bare = median(roundsOf(outcome, BARE));
  return {
    title: `Memory, ${String(CONNECTIONS)} connections`,
    columns: ['', 'bytes each', 'spread', 'more than bare'],
    rows: [...outcome.keys()].map((name) => {
      const { median: middle, low, high } = spread(roundsOf(outcome, name));
      return [name, formatNumber(middle), `${formatNumber(low)}–${formatNumber(high)}`, formatNumber(middle - bare)];
    }),
    notes: ['Resident memory after a collection: what the second half of the connections has added, each.'],
  };
}

export function memoryChart(outcome: ReadonlyMap<string, Outcome<number>>): Chart {
  const entries = [...outcome.keys()].map((name) => ({
    name,
    role: roleOf(name),
    value: spread(roundsOf(outcome, name)),
  }));
  return { is: 'contest', file: 'memory', title: 'Memory of one more connection', axis: 'bytes', unit: 'B', entries };
}

/** Returns the targets for each of the two ways to subscribe. */
export function memoryTargets(outcome: ReadonlyMap<string, Outcome<number>>): Target[] {
  const bare = median(roundsOf(outcome, BARE));
  return [...outcome.keys()]
    .filter((name) => name.includes('subscribed'))
    .map((name) =>
      atMost(`memory of a connection, ${name}, above bare`, 2_048, median(roundsOf(outcome, name)) - bare, ' B'),
    );
}
