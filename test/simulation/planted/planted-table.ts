import type { PlantedFault } from './planted-faults.js';
import type { PlantedResult } from './planted-run.js';

export interface PlantedRow {
  readonly fault: PlantedFault;
  readonly result: PlantedResult;
}

export const TABLE_HEAD = '| planted fault | found by | lives | seconds |\n| --- | --- | ---: | ---: |';

/** A line of the table in docs/SIMULATION.md. */
export function rowText({ fault, result }: PlantedRow): string {
  const by = result.is === 'found' ? result.rule : '**not found**';
  return `| ${fault.name} | ${by} | ${String(result.lives)} | ${result.seconds.toFixed(1)} |`;
}
