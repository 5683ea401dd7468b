import { held, insist, type FaultContext, type FaultRun, type Outcome } from './support/fault-run.js';
import { FLOODS } from './support/floods.js';
import { HonestClient, underFlood, type Waits } from './support/flood-trial.js';

/** An honest client is served within this time, 99 times of 100, whatever floods the server. */
const MAX_P99_MS = 250;
/** The limit grows by this many times the p99 without a flood, which is the machine's own delay. */
const MACHINE_SHARE = 2;
/** How much more memory the server may hold than without a flood. */
const MAX_MEMORY_MB = 250;

/** What one flood did to an honest client. */
export interface FloodRow {
  readonly flood: string;
  readonly waits: Waits;
}

/** Runs all floods, one after the other, on one server. @returns a row for each flood; the first row is without a flood. */
export async function floodRows(
  context: FaultContext,
  transport: 'uws' | 'ws',
  ms: number,
  floods = FLOODS,
): Promise<FloodRow[]> {
  const repository = context.repository();
  for (let n = 0; n < 2_000; n++) repository.rename('task', `t${String(n)}`, { n, text: 'x'.repeat(200) });
  for (let n = 0; n < 50; n++) {
    repository.rename('intent', `i${String(n)}`, { addresses: [`${'a/b/c/'.repeat(20)}f.py::g${String(n)}`] });
  }
  const bus = await context.bus(repository.root, { transport });
  const honest = await HonestClient.connect(bus, repository);
  context.cleanup(() => {
    honest.close();
  });
  const rows: FloodRow[] = [{ flood: 'none', waits: await honest.measure(ms) }];
  for (const flood of floods) {
    rows.push({ flood: flood.name, waits: await underFlood(flood, bus, honest, ms) });
    insist(!bus.hasExited, () => `the server ended under ${flood.name}`);
  }
  return rows;
}

async function run(context: FaultContext, transport: 'uws' | 'ws'): Promise<Outcome> {
  const rows = await floodRows(context, transport, context.size(2_500, 6_000, 100));
  const [atRest, ...flooded] = rows;
  const shown = ({ flood, waits }: FloodRow): string =>
    `${flood}: p99 ${waits.p99.toFixed(0)} ms, longest ${waits.longest.toFixed(0)} ms, ${waits.memoryMb.toFixed(0)} MB`;
  const maxMs = MAX_P99_MS + MACHINE_SHARE * atRest!.waits.p99;
  const bad = flooded.filter(
    ({ waits }) => waits.p99 > maxMs || waits.memoryMb > atRest!.waits.memoryMb + MAX_MEMORY_MB,
  );
  insist(!context.isMeasured || bad.length === 0, () => bad.map(shown).join('; '));
  const worst = flooded.reduce((one, other) => (other.waits.p99 > one.waits.p99 ? other : one));
  return held(flooded.length, `${shown(atRest!)}; the worst, ${shown(worst)}`);
}

const INVARIANT = `an honest client is served within ${String(MAX_P99_MS)} ms (p99) while anything floods the server`;

export const floodsOnNative: FaultRun = {
  row: 23,
  name: '23-floods-uws',
  invariant: INVARIANT,
  fault: `${String(FLOODS.length)} floods, one after the other, on the native engine`,
  run: (context) => run(context, 'uws'),
};

export const floodsOnWs: FaultRun = {
  row: 24,
  name: '24-floods-ws',
  invariant: INVARIANT,
  fault: `${String(FLOODS.length)} floods, one after the other, on ws`,
  run: (context) => run(context, 'ws'),
};
