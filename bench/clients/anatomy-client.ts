import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';
import { benchRecord } from '../record.js';
import type { Source } from './feed.js';
import { busFeed, packedFeed } from './socket-feed.js';

export interface AnatomyPlan {
  readonly root: string;
  readonly source: Extract<Source, { readonly is: 'bus' | 'packed' }>;
}

/** One rename: when it began, and when its event was decoded. */
export interface Renamed {
  readonly id: string;
  readonly beganAt: number;
  readonly decodedAt: number;
}

const BURST = 100;
const PATIENCE_MS = 2_500;

await runProgram(async ({ root, source }: AnatomyPlan) => {
  const directory = join(root, '.muse', 'coordination', 'intents');
  const temporary = join(directory, '.anatomy.tmp');
  let awaited: { readonly id: string; readonly isRemoved: boolean; seen(): void } | undefined;
  const feed = source.is === 'bus' ? busFeed(source.url, source.token) : packedFeed(source.url);
  const close = await feed(root, ({ id, isRemoved }) => {
    if (awaited?.id === id && awaited.isRemoved === isRemoved) awaited.seen();
  });
  let seq = 0;

  const until = (id: string, isRemoved: boolean, work: () => void): Promise<number | undefined> =>
    new Promise((resolve) => {
      const giveUp = setTimeout(() => resolve(undefined), PATIENCE_MS);
      awaited = {
        id,
        isRemoved,
        seen: () => {
          const at = monotonicMs();
          clearTimeout(giveUp);
          awaited = undefined;
          resolve(at);
        },
      };
      work();
    });
  const rest = (): Promise<void> => {
    globalThis.gc?.({ type: 'minor', execution: 'sync' });
    return new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 2));
  };

  /** Renames records in, one at a time, each after a rest. */
  async function sample(count: number): Promise<Renamed[]> {
    const found: Renamed[] = [];
    for (let i = 0; i < count; i++) {
      const id = `one-${String(++seq)}`;
      writeFileSync(temporary, JSON.stringify(benchRecord(id, seq)));
      await rest();
      let beganAt = 0;
      const decodedAt = await until(id, false, () => {
        beganAt = monotonicMs();
        renameSync(temporary, join(directory, `${id}.json`));
      });
      if (decodedAt !== undefined) found.push({ id, beganAt, decodedAt });
      await until(id, true, () => rmSync(join(directory, `${id}.json`)));
    }
    return found;
  }

  /** Renames records in and removes them, in bursts. */
  async function warm(bursts: number): Promise<null> {
    const ids = Array.from({ length: BURST }, (_, i) => `burst-${String(i)}`);
    for (let i = 0; i < bursts; i++) {
      await until(ids.at(-1)!, false, () => {
        for (const id of ids) {
          writeFileSync(temporary, JSON.stringify(benchRecord(id, ++seq)));
          renameSync(temporary, join(directory, `${id}.json`));
        }
      });
      await until(ids.at(-1)!, true, () => ids.forEach((id) => rmSync(join(directory, `${id}.json`))));
    }
    return null;
  }

  return { ready: true, calls: { sample, warm }, stop: close };
});
