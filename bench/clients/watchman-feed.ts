import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenFeed } from './feed.js';
import { seeFile } from './inotifywait-feed.js';
import { readLines } from './line-reader.js';

/**
 * Subscribes to watchman through its own persistent command-line client. The bench's client reads the named files. The watchman service is
 * started for the bench, so that none is left running afterwards.
 */
export const watchmanFeed: OpenFeed = async (root, see) => {
  const directory = join(root, '.muse', 'coordination', 'intents');
  const service = join(root, 'watchman');
  mkdirSync(service, { recursive: true });
  const at = [`--sockname=${join(service, 'socket')}`];
  const files = [`--logfile=${join(service, 'log')}`, `--pidfile=${join(service, 'pid')}`, '--no-save-state'];
  const daemon = spawn('watchman', [...at, ...files, '--foreground'], { stdio: 'ignore' });
  process.once('exit', () => daemon.kill());
  await answers(at);
  execFileSync('watchman', [...at, 'watch', directory], { stdio: 'ignore' });

  const query = { fields: ['name', 'exists'], empty_on_fresh_instance: true };
  const seeLine = (text: string): void => {
    const { files: named = [] } = JSON.parse(text) as { files?: readonly { readonly name: string }[] };
    for (const { name } of named) seeFile(directory, name, see);
  };
  const stop = await readLines('watchman', [...at, '-j', '-p', '--no-pretty'], seeLine, {
    input: `${JSON.stringify(['subscribe', directory, 'bench', query])}\n`,
    isReady: (text) => text.includes('"subscribe":"bench"'),
  });
  return () => {
    stop();
    daemon.kill();
  };
};

const ATTEMPTS = 100;

async function answers(at: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      execFileSync('watchman', [...at, '--no-spawn', '--no-local', 'get-pid'], { stdio: 'ignore' });
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
