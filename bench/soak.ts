import { serverArgv, type Bench } from './bench.js';
import { withChildren } from './child.js';
import type { CountingPlan } from './clients/counting-client.js';
import type { Pace } from './clients/pace-writer.js';
import type { ChurnPlan, ChurnStatus } from './clients/churning-client.js';
import { ownBytesOf } from './process-stat.js';
import { formatNumber } from './format-number.js';
import { withRepository } from './repository.js';
import { atMost } from './target.js';
import type { Sent } from './sent.js';

const CHURNING = 1_000;
const STEADY = 10;
const MIB = 2 ** 20;
const STAY_MS = 60_000;
const PER_SECOND = 2_000;
const MINUTES = 10;
const SAMPLE_MS = 10_000;
const HELD_EVERY = 6;

interface Sample {
  readonly atSeconds: number;
  readonly serverMiB: number;
  /** Memory after a collection. Only in every sixth sample, because a collection is a pause. */
  readonly heldMiB?: number;
  readonly cpuSeconds: number;
}

/** Runs everything at once for ten minutes: is the memory stable, and is no event lost? */
export const soak: Bench = (options) =>
  withRepository(0, ({ root }) =>
    withChildren(async (start) => {
      const { argv = [] } = serverArgv(options);
      const how = { argv: [...argv, '--expose-gc'] };
      const server = await start<{ url: string; token: string }>('programs/bus', { root }, how);
      const source = { is: 'bus', ...server.ready } as const;
      const steady = await start('clients/counting-client', { source, connections: STEADY } satisfies CountingPlan);
      const plan: ChurnPlan = { source, connections: CHURNING, stayMs: STAY_MS };
      const churning = await start('clients/churning-client', plan);
      const writer = await start('clients/pace-writer', { root, directory: 'intents' });

      const samples: Sample[] = [];
      const began = performance.now();
      let events = 0;
      while (performance.now() - began < MINUTES * 60_000) {
        const pace: Pace = { perSecond: PER_SECOND, seconds: SAMPLE_MS / 1_000 };
        events += (await writer.call<Sent>('write', pace)).atMs.length;
        const cpuSeconds = await server.call<number>('cpu');
        const atSeconds = (performance.now() - began) / 1_000;
        const serverMiB = ownBytesOf(server.pid) / MIB;
        const isHeldAsked = (samples.length + 1) % HELD_EVERY === 0;
        const heldMiB = isHeldAsked ? (await server.call<number>('held')) / MIB : undefined;
        samples.push({ atSeconds, serverMiB, cpuSeconds, ...(heldMiB === undefined ? {} : { heldMiB }) });
        options.note(
          `${formatNumber(atSeconds)} s: ${formatNumber(serverMiB)} MiB, held ${formatNumber(heldMiB ?? NaN)}`,
        );
      }
      const status = await churning.call<ChurnStatus>('status');
      const steadyEvents = (await steady.call<number>('total')) / STEADY;
      return report({ events, steadyEvents, status, samples });
    }),
  );

interface Findings {
  readonly events: number;
  readonly steadyEvents: number;
  readonly status: ChurnStatus;
  readonly samples: readonly Sample[];
}

function report({ events, steadyEvents, status, samples }: Findings) {
  const at = (share: number): string =>
    formatNumber(samples[Math.floor(share * (samples.length - 1))]?.serverMiB ?? NaN);
  // Without the first one: in the first minute the history was not full yet.
  const held = samples.flatMap(({ heldMiB }) => heldMiB ?? []).slice(1);
  const growth = (held.at(-1) ?? NaN) / (held[0] ?? NaN);
  const last = samples.at(-1);
  const rows = [
    ['files renamed in', String(events)],
    ['events at each of the steady clients', formatNumber(steadyEvents)],
    ['connections that came and went', String(status.arrivals)],
    ['events at those', String(status.events)],
    ['MiB that the server holds, minute by minute', held.map((mib) => formatNumber(mib)).join(', ')],
    ['MiB of its process after a third, two thirds, all of it', `${at(1 / 3)}, ${at(2 / 3)}, ${at(1)}`],
    ['server CPU, of a core', formatNumber((last?.cpuSeconds ?? NaN) / (last?.atSeconds ?? NaN))],
  ];
  const notes = [
    'Held: the heap and what is beside it, after a collection, from the second minute on, when the history is full. Of its process: memory of its own, without the pages of the journal’s file; between two collections V8 lets it grow.',
    'Every client checks the index of every frame: the run fails if one is missing or a connection is closed. Two renames of the same record between two readings are one event, so there may be fewer events than files.',
  ];
  return {
    tables: [{ title: 'Soak', columns: ['', ''], rows, notes }],
    targets: [atMost('memory held after ten minutes ÷ after two', 1.05, growth)],
    raw: { events, steadyEvents, status, samples },
  };
}
