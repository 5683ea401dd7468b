import { readFileSync } from 'node:fs';

/**
 * The rows of the table whose first column is titled `first`, the title row included: cells without back ticks.
 * @throws Error where the document has no such table
 */
export function tableIn(path: string, first: string): string[][] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const from = lines.findIndex((line, i) => cellsOf(line)[0] === first && /^\|[ :|-]+\|$/.test(lines[i + 1] ?? ''));
  if (from < 0) throw new Error(`${path} has no table whose first column is "${first}"`);
  const until = lines.findIndex((line, i) => i > from && !line.startsWith('|'));
  return [lines[from]!, ...lines.slice(from + 2, until < 0 ? lines.length : until)].map(cellsOf);
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
