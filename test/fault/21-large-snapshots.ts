import { held, insist, pause as rest, type FaultContext, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import type { Turn } from './support/turn-meter.js';
import { until } from '../support/until.js';

/** The longest that one turn of the loop may take. */
const MAX_MS = 5;
/** A turn that the server itself makes long is long in each round; a busy machine makes turns long in some rounds only. */
const ROUNDS = 3;

export const largeSnapshots: FaultRun = {
  row: 21,
  name: '21-large-snapshots',
  invariant: 'a large snapshot blocks nobody',
  fault: 'clients that subscribe to many records at once, while others change',
  async run(context) {
    const records = context.size(5_000, 20_000, 1_000);
    const clients = context.size(10, 50, 4);
    if (!context.isMeasured) {
      await subscribeAtOnce(context, records, clients);
      return held(clients);
    }
    const longest: number[] = [];
    const over: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const turns = await subscribeAtOnce(context, records, clients);
      longest.push(Math.max(...turns.map(({ workMs }) => workMs)));
      over.push(turns.filter(({ workMs }) => workMs > MAX_MS).length);
    }
    const inRounds = (numbers: readonly number[], digits = 0): string =>
      numbers.map((number) => number.toFixed(digits)).join(', ');
    const note = `${inRounds(over)} turns over ${String(MAX_MS)} ms in ${String(ROUNDS)} rounds, the longest ${inRounds(longest, 1)} ms`;
    insist(Math.min(...over) === 0, () => note);
    return held(ROUNDS * clients, `${records.toLocaleString('en')} records; ${note}`);
  },
};

/** Makes clients subscribe at once. @returns the longest turns of the server's loop meanwhile, where they are measured. */
async function subscribeAtOnce(context: FaultContext, records: number, clients: number): Promise<readonly Turn[]> {
  const repository = context.repository();
  const work = context.workload(repository, {
    idsPerKind: Math.ceil(records / 7),
    inPlace: 0,
    removals: 0,
    padding: 150,
  });
  for (let i = 0; i < records; i++) work.write('task', `t${String(i)}`);
  const bus = await context.bus(repository.root, { measuresTurns: context.isMeasured });
  const witness = context.observer('witness', { address: () => bus.endpoint });
  await until('the witness is live', () => witness.isLive);
  await rest(500);
  const observers = Array.from({ length: clients }, (_, i) =>
    context.observer(`c${String(i)}`, { address: () => bus.endpoint, waits: true }),
  );
  // Connecting is not measured.
  await until('all are connected', () => observers.every((observer) => observer.connections === 1));
  await bus.ask();
  for (const observer of observers) observer.subscribe();
  await work.keepUp(300);
  await until('all have their snapshot', () => observers.every((observer) => observer.isLive), 60_000);
  const { turns = [] } = await bus.ask();
  await settleAndVerify(bus, work.operations, [witness, ...observers]);
  // The next round starts with no process of this one.
  await context.dispose();
  return turns;
}
