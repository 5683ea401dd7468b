import { execFileSync, spawn } from 'node:child_process';
import { until } from './until.js';

/** A command in a document, and its output. Between the parts of the output, commands run in another terminal (`elsewhere`). */
export interface Transcript {
  readonly command: string;
  readonly parts: { text: string; readonly elsewhere?: string }[];
}

/** The directory and environment in which a transcript is repeated. */
export interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The contents of the fenced blocks of a language. */
export const fencedBlocks = (document: string, language: string): string[] =>
  [...document.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, content]) => content!);

/** The commands of a `console` block: lines that begin with `$ `, each with the output below it. */
export function readTranscripts(block: string): Transcript[] {
  const transcripts: Transcript[] = [];
  for (const line of block.split(/(?<=\n)/)) {
    const command = /^\$ (.*)\n$/.exec(line)?.[1];
    const elsewhere = /^\(another terminal\) \$ (.*)\n$/.exec(line)?.[1];
    if (command !== undefined) transcripts.push({ command, parts: [{ text: '' }] });
    else if (elsewhere !== undefined) transcripts.at(-1)!.parts.push({ text: '', elsewhere });
    else transcripts.at(-1)!.parts.at(-1)!.text += line;
  }
  return transcripts;
}

/** Replaces what differs from run to run: epochs and times. */
export const withoutChance = (text: string): string =>
  text
    .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'EPOCH')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, 'TIME')
    .trimEnd();

/** Runs a command in a shell. Commands of the other terminal run after the output before them has been printed. @returns the output */
export async function repeat({ command, parts }: Transcript, place: Place): Promise<string> {
  const child = spawn('sh', ['-c', command], { ...place, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.on('close', () => (over = true));
  let expected = '';
  try {
    for (const { text, elsewhere } of parts) {
      const soFar = withoutChance(expected);
      if (elsewhere !== undefined) {
        await until(`it prints ${soFar}`, () => over || withoutChance(printed).length >= soFar.length);
        execFileSync('sh', ['-c', elsewhere], place);
      }
      expected += text;
    }
    await until(`${command} ends; it printed ${printed}`, () => over);
  } finally {
    child.kill();
  }
  return printed;
}
