import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Chart } from './chart.js';
import { formatNumber } from './format-number.js';
import { draw } from './draw.js';
import type { Machine } from './machine.js';
import { TARGET_COLUMNS, targetRow, type Target } from './target.js';

export { formatNumber };

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Facts that the reader needs to interpret the figures. */
  readonly notes?: readonly string[];
}

/** The result of one benchmark. */
export interface Report {
  readonly tables: readonly Table[];
  readonly charts?: readonly Chart[];
  readonly targets?: readonly Target[];
  /** Every round as it was measured. */
  readonly raw: unknown;
}

/** The sources are two folders above the compiled program. */
const RESULTS = resolve(import.meta.dirname, '../../bench/results');
/** The pictures in the README. They are in `docs/`, which is part of the package; the benchmarks are not. */
const IN_README: ReadonlySet<string> = new Set(['latency.svg', 'fanout.svg']);
const CHARTS = join(RESULTS, '..', '..', 'docs', 'charts');

export interface Taken {
  readonly name: string;
  readonly command: string;
  readonly report: Report;
}

/** Returns the report as Markdown, with links to its pictures. */
export function markdownOf({ name, command, report }: Taken, takenAt: Date, machine: Machine): string {
  const when = takenAt.toISOString().slice(0, 16).replace('T', ' ');
  const { charts = [], tables } = report;
  return [
    `# ${name}`,
    '',
    `\`${command}\`, ${when} UTC, commit ${machine.commit}. ${machine.cpu}, ` +
      `${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.kernel}, Node ${machine.node}. ` +
      `Load before the run: ${formatNumber(machine.load)}.`,
    '',
    ...charts.flatMap((chart) => [`![${chart.title}](${fileOf(name, chart)})`, '']),
    ...[...targetTables(report), ...tables].flatMap((table) => [
      `## ${table.title}`,
      '',
      ...markdownRows(table),
      '',
      ...notesOf(table),
    ]),
  ].join('\n');
}

function targetTables({ targets = [] }: Report): Table[] {
  return targets.length === 0 ? [] : [{ title: 'Targets', columns: TARGET_COLUMNS, rows: targets.map(targetRow) }];
}

/** Writes `results/NAME.json`, `results/NAME.md` and the pictures, and the targets of all results together. */
export function writeReport(taken: Taken, takenAt: Date, machine: Machine): void {
  const { name, command, report } = taken;
  const { tables, raw, charts = [], targets = [] } = report;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.md`), markdownOf(taken, takenAt, machine));
  writeFileSync(
    join(RESULTS, `${name}.json`),
    `${JSON.stringify({ name, command, takenAt, machine, targets, tables, raw })}\n`,
  );
  for (const chart of charts) {
    const file = fileOf(name, chart);
    writeFileSync(join(RESULTS, file), draw(chart));
    if (IN_README.has(file)) writeFileSync(join(CHARTS, file), draw(chart));
  }
  writeFileSync(join(RESULTS, 'targets.md'), allTargets());
}

/** Returns the targets of all results. Time and machine are in each result. */
function allTargets(): string {
  const names = readdirSync(RESULTS).filter((file) => file.endsWith('.json'));
  const rows = names.sort().flatMap((file) => {
    const { name, targets = [] } = JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as {
      name: string;
      targets?: readonly Target[];
    };
    return targets.map((target) => [`[${name}](${name}.md)`, ...targetRow(target)]);
  });
  return ['# Targets', '', ...markdownRows({ title: '', columns: ['', ...TARGET_COLUMNS], rows }), ''].join('\n');
}

const fileOf = (name: string, { file }: Chart): string => `${name}${file === undefined ? '' : `-${file}`}.svg`;

function markdownRows({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function notesOf({ notes = [] }: Table): string[] {
  return notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), ''];
}
