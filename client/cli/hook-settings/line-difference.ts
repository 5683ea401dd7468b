/** Longer texts are not compared: the difference is the whole old text and the whole new text. */
const MAX_LINES = 2_000;
const CONTEXT = 2;

export interface DifferenceLine {
  readonly mark: '+' | '-' | ' ' | '…';
  readonly text: string;
}

/** Returns the changes between two texts, line by line, with the lines around each change. */
export function lineDifference(before: string, after: string): DifferenceLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const all = old.length + now.length > MAX_LINES ? replaced(old, now) : compared(old, now);
  const isNear = all.map((_, at) => all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(isChange));
  return all.flatMap((line, at) => {
    if (isNear[at]) return [line];
    return at > 0 && isNear[at - 1] ? [{ mark: '…' as const, text: '' }] : [];
  });
}

const isChange = ({ mark }: DifferenceLine): boolean => mark !== ' ';

function linesOf(text: string): string[] {
  if (text === '') return [];
  return text.replace(/\n$/, '').split('\n');
}

const replaced = (old: readonly string[], now: readonly string[]): DifferenceLine[] => [
  ...old.map((text) => ({ mark: '-' as const, text })),
  ...now.map((text) => ({ mark: '+' as const, text })),
];

/** Compares by the longest common sequence of lines. */
function compared(old: readonly string[], now: readonly string[]): DifferenceLine[] {
  const width = now.length + 1;
  const longest = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      longest[i * width + j] =
        old[i] === now[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  const lines: DifferenceLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ mark: ' ', text: old[i]! });
      i++;
      j++;
    } else if (j < now.length && (i === old.length || longest[i * width + j + 1]! > longest[(i + 1) * width + j]!)) {
      lines.push({ mark: '+', text: now[j++]! });
    } else if (i < old.length) lines.push({ mark: '-', text: old[i++]! });
    else lines.push({ mark: '+', text: now[j++]! });
  }
  return lines;
}
