import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { connect } from '../../../../client/sdk/index.js';
import { ServedRepository } from '../../../support/served-repository.js';
import { fencedBlocks, readTranscripts, repeat, withoutChance, type Place } from '../../../support/transcripts.js';

const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** No heartbeats, which would appear between the lines that the documents show. */
const NEVER = 3_600_000;

for (const [name, atLeast] of [
  ['README.md', 1],
  ['docs/HTTP.md', 7],
] as const) {
  for (const transport of ['uws', 'ws'] as const) {
    t.test(`the transcripts of ${name}, over ${transport}`, { skip: !hasCurl && 'no curl' }, async (t) => {
      const document = readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8');
      const repository = new ServedRepository({ transport, heartbeatMs: NEVER });
      t.teardown(() => repository.stop());
      await repository.start();
      const bus = await connect({ root: repository.root });
      t.teardown(() => bus.close());
      const place = { cwd: repository.root, env: variables(definitions(document), repository.root) };
      const transcripts = fencedBlocks(document, 'console').flatMap(readTranscripts);
      t.ok(transcripts.length >= atLeast, `${String(transcripts.length)} commands`);
      for (const transcript of transcripts) {
        const printed = await repeat(transcript, place);
        const expected = transcript.parts.map(({ text }) => text).join('');
        t.equal(withoutChance(printed), withoutChance(expected), transcript.command);
        // Wait until the files that a command wrote have been read.
        await bus.sync();
      }
    });
  }
}

const definitions = (document: string): string =>
  fencedBlocks(document, 'sh').find((block) => block.startsWith('URL='))!;

/** The variables that a reader has set before the first command. */
function variables(script: string, cwd: string): Place['env'] {
  const printed = execFileSync('sh', ['-c', `${script}\necho "$URL"; echo "$AUTH"`], { cwd, encoding: 'utf8' });
  const [url, auth] = printed.split('\n');
  return { ...process.env, URL: url, AUTH: auth };
}
