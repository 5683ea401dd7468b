import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeMachine } from './machine.js';

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
  /** Every round as it was measured. */
  readonly raw: unknown;
}

/** From the compiled program the sources are two folders up. */
const RESULTS = resolve(import.meta.dirname, '../../bench/results');

/** Writes `results/NAME.json` and `results/NAME.md`; returns the Markdown. */
export function writeReport(name: string, command: string, { tables, raw }: Report): string {
  const machine = describeMachine();
  const takenAt = new Date().toISOString();
  const markdown = [
    `# ${name}`,
    '',
    `\`${command}\`, ${takenAt.slice(0, 16).replace('T', ' ')} UTC, commit ${machine.commit}. ${machine.cpu}, ` +
      `${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.kernel}, Node ${machine.node}.`,
    '',
    ...tables.flatMap((table) => [`## ${table.title}`, '', ...markdownRows(table), '', ...notesOf(table)]),
  ].join('\n');
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.md`), markdown);
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify({ name, command, takenAt, machine, tables, raw })}\n`);
  return markdown;
}

function markdownRows({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function notesOf({ notes = [] }: Table): string[] {
  return notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), ''];
}

/** Three significant digits, without exponents. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
