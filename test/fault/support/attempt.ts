import { FaultContext, type FaultRun, type Form, type Outcome } from './fault-run.js';

/** The result of one run: a row of the table. */
export interface Row {
  readonly row: number;
  readonly name: string;
  readonly invariant: string;
  readonly fault: string;
  readonly rounds: number;
  readonly result: 'held' | 'skipped' | 'BROKEN';
  readonly note: string;
  readonly seconds: number;
}

/** Runs one fault, stops what the run has started, and returns the result; never throws. */
export async function attempt(run: FaultRun, form: Form, seed: number, parts = 1): Promise<Row> {
  const context = new FaultContext(form, seed, parts);
  const began = performance.now();
  let outcome: Outcome | Error;
  try {
    outcome = await run.run(context);
  } catch (error) {
    outcome = error as Error;
  } finally {
    await context.dispose();
  }
  const { row, name, invariant, fault } = run;
  const common = { row, name, invariant, fault, seconds: (performance.now() - began) / 1_000 };
  if (outcome instanceof Error) return { ...common, rounds: 0, result: 'BROKEN', note: outcome.stack ?? '' };
  if (outcome.is === 'skipped') return { ...common, rounds: 0, result: 'skipped', note: outcome.why };
  return { ...common, rounds: outcome.rounds, result: 'held', note: outcome.note ?? '' };
}
