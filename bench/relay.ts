import type { Bench, BenchOptions } from './bench.js';
import type { Counted } from './clients/counting-client.js';
import type { Latencies } from './clients/latency-client.js';
import type { Arrival } from './clients/payload-reader.js';
import { monotonicMs } from './monotonic.js';
import { cpuSecondsOf } from './process-stat.js';
import { formatNumber } from './format-number.js';
import { consumer, crowd, cursors, leader } from './relay-peers.js';
import type { Table } from './report.js';
import { withRelay, type Reached, type Relayed, type RelayPart } from './relayed.js';
import { alternate, type Outcome, type Side } from './rounds.js';
import type { Sent } from './sent.js';
import { atLeast, atMost, type Target } from './target.js';
import { median, pairedRatios, percentile, spread } from './statistics.js';

const WHERE = ['origin', 'edge'] as const;
type Where = (typeof WHERE)[number];

// ── latency ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function latencySide(where: Where, options: BenchOptions): Side<Latencies> {
  const run = (): Promise<Latencies> =>
    withRelay(1, options, async ({ root, origin, startEdge, start }) => {
      const edge = await startEdge();
      const source = { is: 'bus', ...(where === 'edge' ? edge : origin).ready };
      const client = await start('clients/latency-client', { root, source, samples: 200, pauseMs: 4, bursts: 25 });
      return client.call<Latencies>('measure');
    });
  return { name: where, run };
}

async function latency(options: BenchOptions): Promise<RelayPart> {
  const sides = WHERE.map((where) => latencySide(where, options));
  const outcome = await alternate(sides, options.rounds, options.note);
  const of = (where: Where, operation: 'rename' | 'write' | 'unlink', share: number): number[] =>
    roundsOf(outcome, where).map((round) => percentile(round[operation], share));
  const rows = (['rename', 'write', 'unlink'] as const).map((operation) => {
    const [there, here] = [of('edge', operation, 0.5), of('origin', operation, 0.5)];
    return [
      operation,
      formatNumber(median(here)),
      formatNumber(median(there)),
      formatNumber(median(there.map((value, i) => value - here[i]!))),
      formatNumber(median(of('origin', operation, 0.99))),
      formatNumber(median(of('edge', operation, 0.99))),
    ];
  });
  const columns = ['operation', 'origin p50 ms', 'edge p50 ms', 'edge − origin', 'origin p99', 'edge p99'];
  const notes = [
    'From the operation on a file to the decoded event in another process; origin, NATS and edge on one machine.',
  ];
  const more = median(of('edge', 'rename', 0.5).map((value, i) => value - of('origin', 'rename', 0.5)[i]!));
  const target = atMost("an edge's p50 over its origin's", 2, more, ' ms');
  return { table: { title: 'Latency', columns, rows, notes }, target, raw: Object.fromEntries(outcome) };
}

// ── fan-out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const CLIENTS = 1_000;
const EVENTS = 2_000;

interface FanOutRound {
  readonly deliveriesPerSecond: number;
  readonly cpuPerMillion: number;
}

function fanOutSide(where: Where, options: BenchOptions): Side<FanOutRound> {
  const run = (): Promise<FanOutRound> =>
    withRelay(0, options, async ({ root, origin, startEdge, start }) => {
      const writer = await start('clients/burst-writer', { root, files: EVENTS, bytes: 250 });
      const edge = await startEdge();
      const server = where === 'edge' ? edge : origin;
      const plan = { source: { is: 'bus', ...server.ready }, connections: CLIENTS, sampled: 0 };
      const crowd = await start('clients/counting-client', plan);
      const cpuBefore = await server.call<number>('cpu');
      const counting = crowd.call<Counted>('await', EVENTS);
      const sent = await writer.call<Sent>('burst');
      const { finishedAtMs, deliveries } = await counting;
      const cpu = (await server.call<number>('cpu')) - cpuBefore;
      if (deliveries !== CLIENTS * EVENTS) throw new Error(`${String(deliveries)} deliveries`);
      return {
        deliveriesPerSecond: deliveries / ((finishedAtMs - sent.startedAtMs) / 1_000),
        cpuPerMillion: cpu / (deliveries / 1e6),
      };
    });
  return { name: where, run };
}

async function fanOut(options: BenchOptions): Promise<RelayPart> {
  const sides = WHERE.map((where) => fanOutSide(where, options));
  const outcome = await alternate(sides, options.rounds, options.note);
  const [here, there] = [roundsOf(outcome, 'origin'), roundsOf(outcome, 'edge')];
  const rates = (rounds: readonly FanOutRound[]): number[] => rounds.map((round) => round.deliveriesPerSecond);
  const cpu = (rounds: readonly FanOutRound[]): number[] => rounds.map((round) => round.cpuPerMillion);
  const rows = [
    ['deliveries/s', `${formatNumber(median(rates(here)) / 1e6)} M`, `${formatNumber(median(rates(there)) / 1e6)} M`],
    ['server CPU s/million', formatNumber(median(cpu(here))), formatNumber(median(cpu(there)))],
  ];
  const ratios = [rates, cpu].map((figures) => formatNumber(median(pairedRatios(figures(there), figures(here)))));
  const notes = [
    `${String(EVENTS)} events of 250 B in one burst of files to ${String(CLIENTS)} clients in one process, all at the one server.`,
    'On a machine of two cores the writer, the origin, NATS, the edge and the clients take turns; CPU is that of the server asked.',
  ];
  const columns = ['', 'origin', 'edge', 'edge ÷ origin'];
  return {
    table: { title: 'Fan-out', columns, rows: rows.map((row, i) => [...row, ratios[i]!]), notes },
    target: atLeast("an edge's deliveries ÷ its origin's", 1 / 1.05, median(pairedRatios(rates(there), rates(here)))),
    raw: Object.fromEntries(outcome),
  };
}

// ── cold start ──────────────────────────────────────────────────────────────────────────────────────────────────────

const RECORDS = [1_000, 20_000, 100_000];

interface StartRound {
  readonly processMs: number;
  readonly startedMs: number;
  /** The same as `startedMs`, of an edge that checks the origin's signatures, started right after it. */
  readonly signedMs: number;
  /** What each has used of a processor since its process began: it tells more than the time where the machine is busy. */
  readonly cpuS: number;
  readonly signedCpuS: number;
}

/** The key of an origin, as its own `/readyz` says it. */
async function publicKeyOf({ url }: Reached): Promise<string> {
  const answer = (await (await fetch(`${url.replace(/^ws/, 'http')}/readyz`)).json()) as {
    readonly relay: { readonly public_key: string };
  };
  return answer.relay.public_key;
}

async function coldStart(options: BenchOptions): Promise<RelayPart> {
  const raw: Record<string, readonly StartRound[]> = {};
  const rows: string[][] = [];
  let ofTarget = NaN;
  for (const records of RECORDS) {
    const rounds = await withRelay(records, options, async ({ origin, startEdge }) => {
      const keys = [await publicKeyOf(origin.ready)];
      // The first one waits until the origin has sent everything.
      await (await startEdge()).stop();
      const found: StartRound[] = [];
      for (let round = 0; round < options.rounds; round++) {
        options.note(`cold start, ${String(records)} records, round ${String(round + 1)}`);
        const began = performance.now();
        const edge = await startEdge();
        const processMs = performance.now() - began;
        const cpuS = await edge.call<number>('cpu');
        await edge.stop();
        const signed = await startEdge(keys);
        const signedCpuS = await signed.call<number>('cpu');
        const [startedMs, signedMs] = [edge.ready.startedMs, signed.ready.startedMs];
        found.push({ processMs, startedMs, signedMs, cpuS, signedCpuS });
        await signed.stop();
      }
      return found;
    });
    raw[String(records)] = rounds;
    const whole = spread(rounds.map(({ processMs }) => processMs));
    if (records === 20_000) ofTarget = whole.median;
    const started = median(rounds.map(({ startedMs }) => startedMs));
    rows.push([
      String(records),
      formatNumber(whole.median),
      `${formatNumber(whole.low)}–${formatNumber(whole.high)}`,
      formatNumber(started),
      formatNumber(median(rounds.map(({ cpuS }) => cpuS))),
      formatNumber(median(rounds.map(({ signedMs }) => signedMs))),
      formatNumber(median(rounds.map(({ signedCpuS }) => signedCpuS))),
    ]);
  }
  const columns = [
    'records',
    'from the process ms',
    'spread',
    'of it from connecting ms',
    'CPU s',
    'from connecting, with signatures, ms',
    'CPU s with signatures',
  ];
  const notes = [
    'From starting the process, or from its connecting to NATS, to clients being let in; history is read back too.',
  ];
  const target = atMost('cold start with 20,000 records', 2_000, ofTarget, ' ms');
  return { table: { title: 'Cold start of an edge', columns, rows, notes }, target, raw };
}

// ── an outage ───────────────────────────────────────────────────────────────────────────────────────────────────────

const MISSED = 10_000;

interface OutageRound {
  readonly deliveredMs: number;
  readonly originCpu: number;
  readonly natsCpu: number;
  readonly isOrdered: boolean;
}

async function outage(options: BenchOptions): Promise<RelayPart> {
  const rounds: OutageRound[] = [];
  for (let round = 0; round < options.rounds; round++) {
    options.note(`outage, round ${String(round + 1)}`);
    rounds.push(await withRelay(0, options, (relayed) => outageRound(relayed)));
  }
  const { median: middle, low, high } = spread(rounds.map(({ deliveredMs }) => deliveredMs));
  const row = [
    String(MISSED),
    formatNumber(middle),
    `${formatNumber(low)}–${formatNumber(high)}`,
    rounds.every(({ isOrdered }) => isOrdered) ? 'yes' : 'NO',
    formatNumber(median(rounds.map(({ originCpu }) => originCpu))),
  ];
  const columns = ['events while NATS was away', 'all delivered ms', 'spread', 'in order, each once', 'origin CPU s'];
  const notes = [
    'From the moment that NATS listens again, which clients find out by themselves, to the last event at a client of an edge.',
  ];
  const target = atMost('10,000 events missed, delivered after', 5_000, middle, ' ms');
  return { table: { title: 'After an outage', columns, rows: [row], notes }, target, raw: rounds };
}

async function outageRound({ root, nats, origin, startEdge, start }: Relayed): Promise<OutageRound> {
  const writer = await start('clients/burst-writer', { root, files: MISSED, bytes: 250 });
  const edge = await startEdge();
  const plan = { source: { is: 'bus', ...edge.ready }, connections: 1, sampled: 1 };
  const crowd = await start('clients/counting-client', plan);
  const witness = await start('clients/counting-client', { ...plan, source: { is: 'bus', ...origin.ready } });
  await nats.end();
  const witnessed = witness.call<Counted>('await', MISSED);
  await writer.call<Sent>('burst');
  await witnessed;
  const counting = crowd.call<Counted>('await', MISSED);
  const cpuBefore = await origin.call<number>('cpu');
  await nats.begin();
  const backAt = monotonicMs();
  const { finishedAtMs } = await counting;
  const arrivals = await crowd.call<Arrival[]>('arrivals');
  const expected = await witness.call<Arrival[]>('arrivals');
  return {
    deliveredMs: finishedAtMs - backAt,
    originCpu: (await origin.call<number>('cpu')) - cpuBefore,
    natsCpu: cpuSecondsOf(nats.pid),
    isOrdered: arrivals.length === MISSED && arrivals.every(([seq], i) => seq === expected[i]![0]),
  };
}

function roundsOf<T>(outcome: ReadonlyMap<string, Outcome<T>>, name: string): readonly T[] {
  const found = outcome.get(name);
  return found?.is === 'measured' ? found.rounds : [];
}

const PARTS: Readonly<Record<string, (options: BenchOptions) => Promise<RelayPart>>> = {
  latency,
  'fan-out': fanOut,
  'cold start': coldStart,
  outage,
  consumer,
  leader,
  cursors,
  crowd,
};

/** Measures an edge against its origin, with a real NATS between them. */
export const relay: Bench = async (options) => {
  const raw: Record<string, object> = {};
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const [name, measure] of Object.entries(PARTS).filter(([part]) => part.includes(options.only))) {
    const part = await measure(options);
    raw[name] = part.raw;
    tables.push(part.table);
    targets.push(part.target);
  }
  return { tables, targets, raw };
};
