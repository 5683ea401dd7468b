import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { OpenFeed } from './feed.js';
import { seeFile } from './inotifywait-feed.js';
import { readLines } from './line-reader.js';

/** A subscription with watchman through its own persistent command-line client; the client reads the named files. */
export const watchmanFeed: OpenFeed = async (root, see) => {
  const directory = join(root, '.muse', 'coordination', 'intents');
  execFileSync('watchman', ['watch', directory], { stdio: 'ignore' });
  const query = { fields: ['name', 'exists'], empty_on_fresh_instance: true };
  const seeLine = (text: string): void => {
    const { files = [] } = JSON.parse(text) as { files?: readonly { readonly name: string }[] };
    for (const { name } of files) seeFile(directory, name, see);
  };
  const stop = await readLines('watchman', ['-j', '-p', '--no-pretty'], seeLine, {
    input: `${JSON.stringify(['subscribe', directory, 'bench', query])}\n`,
    isReady: (text) => text.includes('"subscribe":"bench"'),
  });
  return () => {
    stop();
    execFileSync('watchman', ['watch-del', directory], { stdio: 'ignore' });
  };
};
