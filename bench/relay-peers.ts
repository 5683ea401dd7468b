import { NatsCluster } from '../test/support/nats-cluster.js';
import { serverArgv, type BenchOptions } from './bench.js';
import { withChildren, type Child } from './child.js';
import type { SameChanges } from './clients/consumer-client.js';
import type { Counted } from './clients/counting-client.js';
import type { Resumed } from './clients/cursor-client.js';
import type { Gaps } from './clients/gap-client.js';
import type { Arrival } from './clients/payload-reader.js';
import { formatNumber } from './format-number.js';
import { withRelay, type Reached, type RelayPart } from './relayed.js';
import { withRepository } from './repository.js';
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
const CROWD_SECONDS = 15;

/** Many connections over several edges of one machine, with one event a second to each. */
export async function crowd(options: BenchOptions): Promise<RelayPart> {
  const edges = Math.ceil(AGENTS / EACH);
  const found = await withRelay(1, options, async ({ root, startEdge, start }) => {
    const servers: Child<Reached>[] = [];
    const crowds: Child[] = [];
    for (let i = 0; i < edges; i++) {
      options.note(`crowd, edge ${String(i + 1)} of ${String(edges)}`);
      const edge = await startEdge();
      const connections = Math.min(EACH, AGENTS - i * EACH);
      servers.push(edge);
      crowds.push(
        await start('clients/counting-client', { source: { is: 'bus', ...edge.ready }, connections, sampled: 100 }),
      );
    }
    const writer = await start('clients/pace-writer', { root, directory: 'intents' });
    const cpu = (): Promise<number[]> => Promise.all(servers.map((edge) => edge.call<number>('cpu')));
    const before = await cpu();
    const counting = crowds.map((one) => one.call<Counted>('await', CROWD_SECONDS));
    const sent = await writer.call<Sent>('write', { perSecond: 1, seconds: CROWD_SECONDS });
    await Promise.all(counting);
    const after = await cpu();
    const arrivals = (await Promise.all(crowds.map((one) => one.call<Arrival[]>('arrivals')))).flat();
    const latencies = arrivals.map(([seq, atMs]) => atMs - sent.atMs[seq]!);
    const memory = await Promise.all(servers.map((edge) => edge.call<number>('memory')));
    return {
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      samples: latencies.length,
      cores: after.reduce((sum, value, i) => sum + value - before[i]!, 0) / CROWD_SECONDS,
      mib: memory.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20,
    };
  });
  const row = [AGENTS, edges, found.p50, found.p99, found.cores, found.mib].map(formatNumber);
  const columns = ['connections', 'edges', 'p50 ms', 'p99 ms', 'cores of the edges', 'MiB of the edges'];
  const notes = [
    'From just before the rename of a file to a sampled connection of its six hundred; one change a second goes to all.',
  ];
  return {
    table: { title: 'A crowd, one event a second to each', columns, rows: [row], notes },
    target: atMost(`p99 of an event with ${String(AGENTS)} connections`, 1_000, found.p99, ' ms'),
    raw: found,
  };
}
