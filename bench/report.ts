import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Chart } from './chart.js';
import { digits } from './digits.js';
import { draw } from './draw.js';
import type { Machine } from './machine.js';

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the reader must know to read the figures right. */
  readonly notes?: readonly string[];
}

/** What one benchmark found. */
export interface Report {
  readonly tables: readonly Table[];
  readonly charts?: readonly Chart[];
  /** Every round as it was measured. */
  readonly raw: unknown;
}

/** From the compiled program the sources are two folders up. */
const RESULTS = resolve(import.meta.dirname, '../../bench/results');

export interface Taken {
  readonly name: string;
  readonly command: string;
  readonly report: Report;
}

/** The report as Markdown, with links to its pictures. */
export function markdownOf({ name, command, report }: Taken, takenAt: Date, machine: Machine): string {
  const when = takenAt.toISOString().slice(0, 16).replace('T', ' ');
  const { charts = [], tables } = report;
  return [
    `# ${name}`,
    '',
    `\`${command}\`, ${when} UTC, commit ${machine.commit}. ${machine.cpu}, ` +
      `${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.kernel}, Node ${machine.node}. ` +
      `Load before the run: ${digits(machine.load)}.`,
    '',
    ...charts.flatMap((chart) => [`![${chart.title}](${fileOf(name, chart)})`, '']),
    ...tables.flatMap((table) => [`## ${table.title}`, '', ...markdownRows(table), '', ...notesOf(table)]),
  ].join('\n');
}

/** Writes `results/NAME.json`, `results/NAME.md` and the pictures. */
export function writeReport(taken: Taken, takenAt: Date, machine: Machine): void {
  const { name, command, report } = taken;
  const { tables, raw, charts = [] } = report;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.md`), markdownOf(taken, takenAt, machine));
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify({ name, command, takenAt, machine, tables, raw })}\n`);
  for (const chart of charts) writeFileSync(join(RESULTS, fileOf(name, chart)), draw(chart));
}

const fileOf = (name: string, { file }: Chart): string => `${name}${file === undefined ? '' : `-${file}`}.svg`;

function markdownRows({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function notesOf({ notes = [] }: Table): string[] {
  return notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), ''];
}
