import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { connect, type BusClient } from '../../client/index.js';
import { ServedRepository } from '../support/served-repository.js';
import { until } from '../support/until.js';

const DOCUMENT = readFileSync(new URL('../../docs/HTTP.md', import.meta.url), 'utf8');

/** The content of each fenced block of a language. */
const blocks = (language: string): string[] =>
  [...DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, content]) => content!);

/** A command, and what is then printed: with commands of another terminal between the parts. */
interface Transcript {
  readonly command: string;
  readonly parts: { text: string; readonly elsewhere?: string }[];
}

function readTranscripts(block: string): Transcript[] {
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

/** What differs from run to run, taken out. */
const normal = (text: string): string =>
  text
    .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'EPOCH')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .trimEnd();

const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

for (const transport of ['uws', 'ws'] as const) {
  t.test(`the transcripts of docs/HTTP.md, over ${transport}`, { skip: !hasCurl && 'no curl' }, async (t) => {
    const repository = new ServedRepository({ transport });
    t.teardown(() => repository.stop());
    await repository.start();
    const bus = await connect({ root: repository.root });
    t.teardown(() => bus.close());
    const env = variables(blocks('sh')[0]!, repository.root);
    const transcripts = blocks('console').flatMap(readTranscripts);
    t.ok(transcripts.length >= 7, `${String(transcripts.length)} commands`);
    for (const { command, parts } of transcripts) {
      const printed = await run(command, { cwd: repository.root, env }, parts);
      t.equal(normal(printed), normal(parts.map(({ text }) => text).join('')), command);
      await settled(bus);
    }
  });
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What a reader has set by the first block. */
function variables(script: string, cwd: string): NodeJS.ProcessEnv {
  const printed = execFileSync('sh', ['-c', `${script}\necho "$URL"; echo "$AUTH"`], { cwd, encoding: 'utf8' });
  const [url, auth] = printed.split('\n');
  return { ...process.env, URL: url, AUTH: auth };
}

/** Runs a command in a shell; the other terminal's commands come when what stands before them has been printed. */
async function run(script: string, place: Place, parts: Transcript['parts']): Promise<string> {
  const child = spawn('sh', ['-c', script], { ...place, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.on('close', () => (over = true));
  let expected = '';
  try {
    for (const { text, elsewhere } of parts) {
      const soFar = normal(expected);
      if (elsewhere !== undefined) {
        await until(`it prints ${soFar}`, () => over || normal(printed).length >= soFar.length);
        execFileSync('sh', ['-c', elsewhere], place);
      }
      expected += text;
    }
    await until(`${script} ends; it printed ${printed}`, () => over);
  } finally {
    child.kill();
  }
  return printed;
}

/** What a command wrote has been read. */
const settled = (bus: BusClient): Promise<string> => bus.sync();
