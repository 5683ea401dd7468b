import { readFileSync } from 'node:fs';

/** The rows of the table in a document whose head begins with `first`: its cells without their marks. The line of dashes is left out. */
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
