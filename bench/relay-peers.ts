import { NatsCluster } from '../test/support/nats-cluster.js';
import { serverArgv, type BenchOptions } from './bench.js';
import { withChildren, type Child, type Start } from './child.js';
import type { SameChanges } from './clients/consumer-client.js';
import type { Counted, CountingPlan } from './clients/counting-client.js';
import type { Resumed } from './clients/cursor-client.js';
import type { Gaps } from './clients/gap-client.js';
import type { Pace } from './clients/pace-writer.js';
import type { Arrival } from './clients/payload-reader.js';
import type { CountedSource } from './clients/wire-formats.js';
import { formatNumber } from './format-number.js';
import { withRelay, type Reached, type RelayPart } from './relayed.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf } from './rounds.js';
import type { Sent } from './sent.js';
import { median, percentile } from './statistics.js';
import { atLeast, atMost } from './target.js';

// ── against a bare consumer ─────────────────────────────────────────────────────────────────────────────────────────

const SAMPLES = 400;

/** An edge's client and a bare consumer of the same stream, on the same changes. */
export async function consumer(options: BenchOptions): Promise<RelayPart> {
  const rounds: SameChanges[] = [];
  for (let round = 0; round < options.rounds; round++) {
    options.note(`bare consumer, round ${String(round + 1)}`);
    const one = await withRelay(1, options, async ({ root, nats, startEdge, start }) => {
      const { ready } = await startEdge();
      const client = await start('clients/consumer-client', { root, nats: nats.url, ...ready });
      return client.call<SameChanges>('measure', SAMPLES);
    });
    rounds.push(one);
  }
  const of = (who: keyof SameChanges, share: number): number =>
    median(rounds.map((round) => percentile(round[who], share)));
  const row = [of('consumer', 0.5), of('edge', 0.5), of('edge', 0.5) / of('consumer', 0.5)];
  const tail = [of('consumer', 0.99), of('edge', 0.99), of('edge', 0.99) / of('consumer', 0.99)];
  const rows = [
    ['p50 ms', ...row.map(formatNumber)],
    ['p99 ms', ...tail.map(formatNumber)],
  ];
  const columns = ['from the rename', 'bare consumer', 'edge', 'edge ÷ consumer'];
  const notes = ['Both in one process, on the same changes, with the official client of NATS; the origin is in both.'];
  return {
    table: { title: 'Against a bare JetStream consumer', columns, rows, notes },
    target: atMost("an edge's p50 ÷ a bare consumer's", 1.5, row[2]!),
    raw: rounds,
  };
}

// ── the leader's death ──────────────────────────────────────────────────────────────────────────────────────────────

const SECONDS = 20;
const KILL_AFTER_MS = 5_000;

/** The longest gap at a client of an edge, and at a bare client of the same stream, when the server that leads it is killed. */
export async function leader(options: BenchOptions): Promise<RelayPart> {
  const rounds: Gaps[] = [];
  for (let round = 0; round < options.rounds; round++) {
    options.note(`leader's death, round ${String(round + 1)}`);
    rounds.push(await leaderRound(options));
  }
  const [edge, bare] = [rounds.map(({ edgeMs }) => edgeMs), rounds.map(({ bareMs }) => bareMs)];
  const ratio = median(rounds.map(({ edgeMs, bareMs }) => edgeMs / bareMs));
  const rows = [
    ...rounds.map(({ bareMs, edgeMs }) => [bareMs, edgeMs, edgeMs / bareMs]),
    [median(bare), median(edge), ratio],
  ];
  const columns = ['bare client ms', 'client of an edge ms', 'edge ÷ bare'];
  const notes = [
    "The longest time without an event, and without an answer of the stream's leader to a bare client that asks every 20 ms. Three servers, a stream of three replicas, whose leader is killed.",
  ];
  return {
    table: {
      title: "The gap after the leader's death",
      columns,
      rows: rows.map((row) => row.map(formatNumber)),
      notes,
    },
    target: atMost("an edge's gap ÷ a bare client's", 1.3, ratio),
    raw: rounds,
  };
}

async function leaderRound(options: BenchOptions): Promise<Gaps> {
  const cluster = await NatsCluster.start();
  try {
    return await withRepository(1, ({ root }) =>
      withChildren(async (start) => {
        const relay = { url: cluster.url, limits: { replicas: 3 } };
        await start('programs/bus', { root, relay, journal: true }, serverArgv(options));
        const edge = await start<Reached>('programs/edge', relay, serverArgv(options));
        const client = await start('clients/gap-client', { root, nats: cluster.url, ...edge.ready });
        const running = client.call<Gaps>('run', SECONDS);
        await new Promise((resolve) => setTimeout(resolve, KILL_AFTER_MS));
        const leader = await cluster.leaderOf('MUSE_default');
        if (!leader) throw new Error('the stream has no leader: try again');
        await leader.stop();
        return await running;
      }),
    );
  } finally {
    await cluster.dispose();
  }
}

// ── cursors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const RECORDS = 20_000;
const CHANGES = 5_000;
const CURSORS = 20;

/** A new edge of many records, and cursors of everything that was published since. */
export async function cursors(options: BenchOptions): Promise<RelayPart> {
  const found = await withRelay(RECORDS, options, async ({ root, startEdge, start }) => {
    const first = await startEdge();
    const before = await first.call<number>('revision');
    const writer = await start('clients/burst-writer', { root, files: CHANGES, bytes: 250 });
    await writer.call<Sent>('burst');
    while ((await first.call<number>('revision')) < before + CHANGES) await new Promise((go) => setTimeout(go, 50));
    const edge = await startEdge();
    const epoch = await edge.call<string>('epoch');
    const client = await start('clients/cursor-client', edge.ready);
    const all: Resumed[] = [];
    for (let i = 0; i <= CURSORS; i++) {
      const revision = before + Math.round((i * CHANGES) / CURSORS);
      all.push(await client.call<Resumed>('resume', `${epoch}:${String(revision)}`));
    }
    return all;
  });
  const replayed = found.filter(({ mode }) => mode === 'replay').length / found.length;
  const row = [String(RECORDS), String(CHANGES), `${String(found.length * replayed)} of ${String(found.length)}`];
  const columns = ['records', 'changes since the base', 'cursors that are replayed', 'the oldest, ms'];
  return {
    table: {
      title: 'Cursors at a new edge',
      columns,
      rows: [[...row, formatNumber(found[0]!.ms)]],
      notes: ['An edge reads 20,000 messages back, beside those of a base; what is older is answered with `resync`.'],
    },
    target: atLeast('cursors that a new edge replays', 1, replayed),
    raw: found,
  };
}

// ── a crowd ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A process may open twenty thousand files. */
const EACH = 16_667;
const AGENTS = Number(process.env['BENCH_AGENTS'] ?? 100_000);
const CROWD_PACE: Pace = { perSecond: 1, seconds: 15 };

interface CrowdFigures {
  readonly p50: number;
  readonly p99: number;
  /** Of the servers, in cores. */
  readonly cores: number;
  readonly mib: number;
}

/** Many connections over several edges of one machine, with one event a second to each. */
function crowdOfEdges(options: BenchOptions): Promise<CrowdFigures> {
  return withRelay(1, options, async ({ root, startEdge, start }) => {
    const writer = await start('clients/pace-writer', { root, directory: 'intents' });
    return measureCrowd(start, {
      startServer: async () => {
        const edge = await startEdge();
        return { server: edge, source: { is: 'bus', ...edge.ready } };
      },
      // What the writer renames reaches the connections of every edge.
      write: async (servers) => {
        const sent = await writer.call<Sent>('write', CROWD_PACE);
        return servers.map(() => sent);
      },
      note: options.note,
    });
  });
}

/** The same connections at servers that only send: no files, NATS, filters or bounds. */
function crowdOfBareServers(options: BenchOptions): Promise<CrowdFigures> {
  return withChildren((start) =>
    measureCrowd(start, {
      startServer: async () => {
        const server = await start<{ url: string }>('baselines/bare-send', null);
        return { server, source: { is: 'packed', ...server.ready } };
      },
      write: (servers) => Promise.all(servers.map((server) => server.call<Sent>('write', CROWD_PACE))),
      note: options.note,
    }),
  );
}

interface CrowdSide {
  startServer(): Promise<{ readonly server: Child; readonly source: CountedSource }>;
  /** @returns for each server when its events were made. */
  write(servers: readonly Child[]): Promise<readonly Sent[]>;
  note(text: string): void;
}

async function measureCrowd(start: Start, side: CrowdSide): Promise<CrowdFigures> {
  const servers: Child[] = [];
  const crowds: Child[] = [];
  for (let first = 0; first < AGENTS; first += EACH) {
    side.note(`crowd, from connection ${String(first)} of ${String(AGENTS)}`);
    const { server, source } = await side.startServer();
    const plan: CountingPlan = { source, connections: Math.min(EACH, AGENTS - first), sampled: 100 };
    servers.push(server);
    crowds.push(await start('clients/counting-client', plan));
  }
  const cpu = (): Promise<number[]> => Promise.all(servers.map((server) => server.call<number>('cpu')));
  const before = await cpu();
  const counting = crowds.map((one) => one.call<Counted>('await', CROWD_PACE.perSecond * CROWD_PACE.seconds));
  const sent = await side.write(servers);
  await Promise.all(counting);
  const after = await cpu();
  const arrivals = await Promise.all(crowds.map((one) => one.call<Arrival[]>('arrivals')));
  const latencies = arrivals.flatMap((of, i) => of.map(([seq, atMs]) => atMs - sent[i]!.atMs[seq]!));
  const memory = await Promise.all(servers.map((server) => server.call<number>('memory')));
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    cores: after.reduce((sum, value, i) => sum + value - before[i]!, 0) / CROWD_PACE.seconds,
    mib: memory.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20,
  };
}

export async function crowd(options: BenchOptions): Promise<RelayPart> {
  const sides = [
    { name: 'edges', run: () => crowdOfEdges(options) },
    { name: 'bare servers', run: () => crowdOfBareServers(options) },
  ];
  const outcome = await alternate(sides, options.rounds, options.note);
  const rows = sides.map(({ name }) => {
    const of = (pick: (figures: CrowdFigures) => number): string =>
      formatNumber(median(roundsOf(outcome, name).map(pick)));
    return [name, of(({ p50 }) => p50), of(({ p99 }) => p99), of(({ cores }) => cores), of(({ mib }) => mib)];
  });
  const p99 = median(roundsOf(outcome, 'edges').map((figures) => figures.p99));
  const notes = [
    `${String(AGENTS)} connections, ${String(EACH)} a server; one event a second to each.`,
    'From just before the rename of a file, or the call that sends, to a sampled connection of its hundred a server.',
    'A bare server sends one packed message to each socket, with a call of uWebSockets.js for each.',
  ];
  return {
    table: {
      title: 'A crowd, one event a second to each',
      columns: ['servers', 'p50 ms', 'p99 ms', 'cores of the servers', 'MiB of the servers'],
      rows,
      notes,
    },
    target: atMost(`p99 of an event with ${String(AGENTS)} connections`, 1_000, p99, ' ms'),
    raw: Object.fromEntries(outcome),
  };
}
