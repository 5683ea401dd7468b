import { join } from 'node:path';
import type { OpenFeed } from './feed.js';
import { seeFile } from './inotifywait-feed.js';
import { readLines } from './line-reader.js';

/** A subscription with watchman, over its own persistent command-line client; the client reads the named files. */
export const watchmanFeed: OpenFeed = (root, see) => {
  const directory = join(root, '.muse', 'coordination', 'intents');
  const subscribe = ['subscribe', directory, 'bench', { fields: ['name', 'exists'], empty_on_fresh_instance: true }];
  const input = `${JSON.stringify(['watch', directory])}\n`;
  void subscribe;
  return readLines('watchman', ['-j', '-p', '--no-pretty'], (text) => seeLine(text), {
    input: `${JSON.stringify(subscribe)}\n`,
    isReady: (text) => text.includes('"subscription":"bench"') || input === '',
  });

  function seeLine(text: string): void {
    const { files = [] } = JSON.parse(text) as { files?: readonly { readonly name: string }[] };
    for (const { name } of files) seeFile(directory, name, see);
  }
};
