import { readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import type { Bench, BenchOptions } from './bench.js';
import { withChildren, type Start } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { CountedSource } from './clients/dialects.js';
import { commandPath, modelPath } from './installed.js';
import { cpuSecondsOf, residentBytesOf, wakeupsOf } from './process-stat.js';
import { digits, type Table } from './report.js';
import { withRepository } from './repository.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import { median, spread } from './statistics.js';

// ── CPU ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

const RECORDS = 20_000;
/** After the start, until what follows it is over. */
const SETTLE_MS = 5_000;
const WATCHED_MS = 60_000;

interface Rest {
  /** Share of one core. */
  readonly share: number;
  readonly wakeupsPerSecond: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function watchProcess(pid: number): Promise<Rest> {
  await sleep(SETTLE_MS);
  const threads = readdirSync(`/proc/${String(pid)}/task`);
  const [cpu, wakeups] = [cpuSecondsOf(pid), wakeupsOf(pid, threads)];
  await sleep(WATCHED_MS);
  const seconds = WATCHED_MS / 1_000;
  return {
    share: (cpuSecondsOf(pid) - cpu) / seconds,
    wakeupsPerSecond: (wakeupsOf(pid, threads) - wakeups) / seconds,
  };
}

function restingBus(name: string, root: string, connections: number): Side<Rest> {
  const run = (): Promise<Rest> =>
    withChildren(async (start) => {
      const server = await start<{ url: string; token: string }>('programs/bus', { root });
      const source: CountedSource = { is: 'bus', ...server.ready };
      if (connections > 0) await start('clients/counting-client', { source, connections } satisfies CountingPlan);
      return watchProcess(server.pid);
    });
  return { name, run };
}

function restingModel(root: string): Side<Rest> {
  const run = async (): Promise<Rest> => {
    const child = spawn(commandPath('python3'), [modelPath(), root], { stdio: 'ignore' });
    try {
      return await watchProcess(child.pid!);
    } finally {
      child.kill();
    }
  };
  return { name: 'model of the original, 1 s', run };
}

// ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const CONNECTIONS = 10_000;

/**
 * Bytes of resident memory per connection. The second half of the connections is measured: what the engine takes once,
 * when there is first something to do, belongs to none of them.
 */
function memorySide(name: string, serve: (start: Start, root: string) => Promise<Held>, root: string): Side<number> {
  const run = (): Promise<number> =>
    withChildren(async (start) => {
      const { source, server } = await serve(start, root);
      const half: CountingPlan = { source, connections: CONNECTIONS / 2 };
      await start('clients/counting-client', half);
      const before = await settledMemory(server);
      await start('clients/counting-client', { ...half, first: half.connections });
      return ((await settledMemory(server)) - before) / half.connections;
    });
  return { name, run };
}

interface Held {
  readonly source: CountedSource;
  readonly server: Awaited<ReturnType<Start>>;
}

/** After collections, so that what is counted is what is held. */
async function settledMemory(server: Held['server']): Promise<number> {
  for (let i = 0; i < 3; i++) await server.call('memory');
  await sleep(500);
  await server.call('memory');
  return residentBytesOf(server.pid);
}

const COLLECTS = ['--expose-gc'];

const bareConnections = async (start: Start): Promise<Held> => {
  const plan = { engine: 'uws', messages: 1, bytes: 250 };
  const server = await start<{ url: string }>('floors/bare-publish', plan, COLLECTS);
  return { source: { is: 'packed', url: server.ready.url }, server };
};

type BusUse = 'unsubscribed' | 'one filter' | 'a filter each';

const busConnections =
  (use: BusUse) =>
  async (start: Start, root: string): Promise<Held> => {
    const server = await start<{ url: string; token: string }>('programs/bus', { root }, COLLECTS);
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

// ── report ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a bus costs that has nothing to do. */
export const idle: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const tables: Table[] = [];
  if ('cpu'.includes(options.only)) tables.push(await cpuTable(options, raw));
  if ('memory'.includes(options.only)) tables.push(await memoryTable(options, raw));
  return { tables, raw };
};

async function cpuTable(options: BenchOptions, raw: Record<string, unknown>): Promise<Table> {
  // A round takes a minute for each side, and what it measures is a sum over that minute.
  const rounds = Math.max(1, Math.floor(options.rounds / 5));
  const outcome = await withRepository(RECORDS, ({ root }) => {
    const quiet = restingBus('bus', root, 0);
    const crowded = restingBus(`bus, ${String(CONNECTIONS)} subscribers`, root, CONNECTIONS);
    return alternate([quiet, crowded, restingModel(root)], rounds, (text) => options.note(`cpu: ${text}`));
  });
  raw['cpu'] = Object.fromEntries(outcome);
  const row = (name: string, found: Outcome<Rest>): string[] => {
    if (found.is === 'skipped') return [name, `skipped: ${found.why}`, ''];
    const share = median(found.rounds.map((round) => round.share));
    return [name, `${digits(share * 100)} %`, digits(median(found.rounds.map((round) => round.wakeupsPerSecond)))];
  };
  return {
    title: `At rest, ${String(RECORDS)} records`,
    columns: ['', 'of a core', 'wakeups/s'],
    rows: [...outcome].map(([name, found]) => row(name, found)),
    notes: [
      `Over ${String(WATCHED_MS / 1_000)} s, from ${String(SETTLE_MS / 1_000)} s after the start; reconciling and heartbeats included.`,
    ],
  };
}

async function memoryTable(options: BenchOptions, raw: Record<string, unknown>): Promise<Table> {
  const outcome = await withRepository(0, ({ root }) => {
    const sides = [
      memorySide('bare uWebSockets.js', bareConnections, root),
      memorySide('bus, connected', busConnections('unsubscribed'), root),
      memorySide('bus, subscribed to everything', busConnections('one filter'), root),
      memorySide('bus, subscribed to a run each', busConnections('a filter each'), root),
    ];
    return alternate(sides, options.rounds, (text) => options.note(`memory: ${text}`));
  });
  raw['memory'] = Object.fromEntries(outcome);
  const perConnection = (name: string): number[] => {
    const found = outcome.get(name);
    return found?.is === 'measured' ? [...found.rounds] : [];
  };
  const bare = median(perConnection('bare uWebSockets.js'));
  return {
    title: `Memory, ${String(CONNECTIONS)} connections`,
    columns: ['', 'bytes each', 'spread', 'more than bare'],
    rows: [...outcome.keys()].map((name) => {
      const { median: middle, low, high } = spread(perConnection(name));
      return [name, digits(middle), `${digits(low)}–${digits(high)}`, digits(middle - bare)];
    }),
    notes: ['Resident memory after a collection: what the second half of the connections has added, each.'],
  };
}
