import type { Bench } from './bench.js';
import type { Chart } from './chart.js';
import { memoryChart, memoryOfAll, memoryTable, memoryTargets } from './memory.js';
import type { Table } from './report.js';
import { cpuChart, cpuTable, cpuTargets, restOfAll } from './rest.js';
import type { Target } from './target.js';

/** Measures the cost of a bus that has nothing to do. */
export const idle: Bench = async (options) => {
  const raw: Record<string, unknown> = {};
  const tables: Table[] = [];
  const charts: Chart[] = [];
  const targets: Target[] = [];
  if ('cpu'.includes(options.only)) {
    const outcome = await restOfAll(options);
    raw['cpu'] = Object.fromEntries(outcome);
    tables.push(cpuTable(outcome));
    charts.push(cpuChart(outcome));
    targets.push(...cpuTargets(outcome));
  }
  if ('memory'.includes(options.only)) {
    const outcome = await memoryOfAll(options);
    raw['memory'] = Object.fromEntries(outcome);
    tables.push(memoryTable(outcome));
    charts.push(memoryChart(outcome));
    targets.push(...memoryTargets(outcome));
  }
  return { tables, charts, targets, raw };
};
