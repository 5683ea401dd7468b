import type { Bench } from './bench.js';
import { withChildren, type How } from './child.js';
import type { Renamed } from './clients/anatomy-client.js';
import { formatNumber } from './format-number.js';
import { ALONE } from './latency.js';
import type { Stamps } from './programs/anatomy-bus.js';
import { withRepository } from './repository.js';
import { alternate, roundsOf, type Side } from './rounds.js';
import { median, pairedRatios, percentile } from './statistics.js';

/** Renames measured when the process is fresh, and again after {@link WARM_BURSTS}. */
const SAMPLES = 250;
/** Bursts of a hundred records in and out: three thousand events in, as many out. */
const WARM_BURSTS = 30;

export type Transport = 'uws' | 'ws';

/** The time of each stage of one rename, milliseconds. */
type Stages = Readonly<Record<string, number>>;

export interface Life {
  readonly totals: readonly number[];
  readonly stages: readonly Stages[];
}

export interface Round {
  readonly young: Life;
  readonly warm: Life;
}

const MAKE: readonly (readonly [stage: string, from: keyof Stamps | 'beganAt', to: keyof Stamps | 'decodedAt'])[] = [
  ['rename → first notification', 'beganAt', 'hintedAt'],
  ['→ the notification with the final name', 'hintedAt', 'namedAt'],
  ['→ the turn that reads', 'namedAt', 'openedAt'],
  ['open, status, read, parse, close', 'openedAt', 'closedAt'],
  ['settle, apply, leases', 'closedAt', 'committedAt'],
  ['mark, history, match, encode, frame', 'committedAt', 'sendingAt'],
  ['the call that sends', 'sendingAt', 'sentAt'],
  ['→ read and decoded by the client', 'sentAt', 'decodedAt'],
];

function lifeOf(renamed: readonly Renamed[], stamps: readonly Stamps[]): Life {
  // A removal has the same id, and comes after.
  const byId = new Map(stamps.toReversed().map((one) => [one.id, one]));
  const stages: Stages[] = [];
  for (const one of renamed) {
    const all: Readonly<Record<string, unknown>> = { ...byId.get(one.id), ...one };
    const times = MAKE.map(([stage, from, to]) => [stage, Number(all[to]) - Number(all[from])] as const);
    // A client that wakes at once decodes before the call that sends has returned.
    if (!times.some(([, ms]) => Number.isNaN(ms))) stages.push(Object.fromEntries(times));
  }
  return { totals: renamed.map(({ beganAt, decodedAt }) => decodedAt - beganAt), stages };
}

/**
 * Returns the side that measures one program, young and warm.
 * @param transport the engine; `undefined` for the bare loop.
 * @param how how the server is started, for example by another Node.
 */
export function side(name: string, root: string, transport: Transport | undefined, how: How = {}): Side<Round> {
  const run = (): Promise<Round> =>
    withChildren(async (start) => {
      const bus =
        transport && (await start<{ url: string; token: string }>('programs/anatomy-bus', { root, transport }, how));
      const source = bus
        ? ({ is: 'bus', ...bus.ready } as const)
        : ({ is: 'packed', ...(await start<{ url: string }>('baselines/bare-loop', { root }, how)).ready } as const);
      const client = await start(
        'clients/anatomy-client',
        { root, source },
        {
          argv: ['--single-threaded', '--expose-gc'],
        },
      );
      const sample = async (): Promise<Life> => {
        await bus?.call('stages');
        const renamed = await client.call<Renamed[]>('sample', SAMPLES);
        return lifeOf(renamed, (await bus?.call<Stamps[]>('stages')) ?? []);
      };
      const young = await sample();
      await client.call('warm', WARM_BURSTS);
      return { young, warm: await sample() };
    });
  return { name, run };
}

const BASELINE = 'bare loop';
const ENGINES = { 'bus, native engine': 'uws', 'bus, ws': 'ws' } as const;
export const LIVES = ['young', 'warm'] as const;

/** Measures what each stage of the way takes, from the rename to the decoded event, young and warm, on both engines. */
export const anatomy: Bench = async (options) => {
  const engines = Object.entries(ENGINES).filter(([name]) => name.includes(options.only));
  const outcome = await withRepository(ALONE.records, ({ root }) =>
    alternate(
      [...engines.map(([name, engine]) => side(name, root, engine)), side(BASELINE, root, undefined)],
      options.rounds,
      options.note,
    ),
  );
  const rounds = (name: string): readonly Round[] => roundsOf(outcome, name);
  const micros = (ms: number): string => formatNumber(ms * 1e3);
  const totals = (name: string, life: (typeof LIVES)[number], share: number): number[] =>
    rounds(name).map((round) => percentile(round[life].totals, share));
  const cells = (name: string, of: (round: Round, life: (typeof LIVES)[number]) => number): string[] =>
    LIVES.map((life) => micros(median(rounds(name).map((round) => of(round, life)))));
  const names = engines.map(([name]) => name);
  const rows = MAKE.map(([stage]) => [
    stage,
    ...names.flatMap((name) =>
      cells(name, (round, life) =>
        percentile(
          round[life].stages.map((at) => at[stage]!),
          0.5,
        ),
      ),
    ),
    '',
    '',
  ]);
  const whole = [...names, BASELINE].flatMap((name) =>
    cells(name, (round, life) => percentile(round[life].totals, 0.5)),
  );
  const ratio = (share: number): string[] =>
    names.flatMap((name) =>
      LIVES.map((life) => formatNumber(median(pairedRatios(totals(name, life, share), totals(BASELINE, life, share))))),
    );
  rows.push(['all', ...whole], ['p50 ÷ bare loop', ...ratio(0.5), '', ''], ['p90 ÷ bare loop', ...ratio(0.9), '', '']);
  const columns = ['p50 µs', ...[...names, BASELINE].flatMap((name) => LIVES.map((life) => `${name}, ${life}`))];
  return {
    tables: [{ title: 'Where the time of a rename goes', columns, rows, notes: NOTES }],
    raw: Object.fromEntries([...names, BASELINE].map((name) => [name, rounds(name).map(summaryOf)])),
  };
};

/** The figures of one round, milliseconds: its thousands of stamps are not kept. */
export const summaryOf = (round: Round): unknown =>
  Object.fromEntries(
    LIVES.map((life) => {
      const { totals, stages } = round[life];
      const ofStage = MAKE.map(
        ([stage]) =>
          [
            stage,
            percentile(
              stages.map((at) => at[stage]!),
              0.5,
            ),
          ] as const,
      );
      return [
        life,
        { p50: percentile(totals, 0.5), p90: percentile(totals, 0.9), stages: Object.fromEntries(ofStage) },
      ];
    }),
  );

const NOTES = [
  `Young: the first ${String(SAMPLES)} renames of fresh processes, each after a rest of 2 to 4 ms. Warm: after ${String(WARM_BURSTS)} bursts of a hundred records in and out. No process has a core of its own.`,
  'Medians of the rounds; the ratios are those of paired rounds. The stages do not add up to the whole: each is a median of its own, and the stamps take some µs.',
];
