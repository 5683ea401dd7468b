import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchRecord } from '../record.js';
import { runProgram } from '../program.js';
import type { OpenFeed, Seen, Source } from './feed.js';
import { inotifywaitFeed } from './inotifywait-feed.js';
import { modelFeed } from './model-feed.js';
import { busFeed, packedFeed } from './socket-feed.js';
import { watchmanFeed } from './watchman-feed.js';

/** The number of samples, and the warm-up before them. */
export interface Sampling {
  /** How often each operation is done. */
  readonly samples: number;
  /** The longest rest before an operation, milliseconds. The time is random. */
  readonly pauseMs: number;
  /** @default 700 */
  readonly warmUpMs?: number;
  /** How many bursts of a hundred files each come before that. @default 0 */
  readonly bursts?: number;
}

export interface LatencyPlan extends Sampling {
  readonly root: string;
  readonly source: Source;
}

/** Milliseconds from just before the operation to after the decoding of its event. */
export interface Latencies {
  readonly rename: readonly number[];
  readonly write: readonly number[];
  readonly unlink: readonly number[];
  /** How many operations had no event in time. */
  readonly unheard: number;
}

const PATIENCE_MS = 2_500;

/** Changes files and waits for their events: writer and subscriber in one process, the watcher in another. */
class Probe {
  readonly #directory: string;
  #expected: { readonly id: string; readonly seq: number | 'removed'; readonly seen: () => void } | undefined;
  #seq = 0;
  unheard = 0;

  constructor(root: string) {
    this.#directory = join(root, '.muse', 'coordination', 'intents');
  }

  see({ id, isRemoved, seq }: Seen): void {
    const expected = this.#expected;
    if (expected?.id !== id) return;
    if (expected.seq === 'removed' ? !isRemoved : seq !== expected.seq) return;
    expected.seen();
  }

  /** One record's life: renamed in, written in place, unlinked. */
  async cycle(latencies: { rename: number[]; write: number[]; unlink: number[] }, pauseMs: number): Promise<void> {
    const id = `probe-${String(++this.#seq).padStart(7, '0')}`;
    const file = join(this.#directory, `${id}.json`);
    const temporary = join(this.#directory, `.${id}.tmp`);
    const content = (seq: number): string => JSON.stringify(benchRecord(id, seq));

    await rest(pauseMs);
    const first = content(++this.#seq);
    writeFileSync(temporary, first);
    await this.#timed(latencies.rename, id, this.#seq, () => renameSync(temporary, file));

    await rest(pauseMs);
    const second = content(++this.#seq);
    await this.#timed(latencies.write, id, this.#seq, () => writeFileSync(file, second));

    await rest(pauseMs);
    await this.#timed(latencies.unlink, id, 'removed', () => rmSync(file));
  }

  /** Many records renamed in at once, and unlinked at once; waits only for the last of each. */
  async burst(files: number): Promise<void> {
    const paths = Array.from({ length: files }, (_, i) => join(this.#directory, `burst-${String(i)}.json`));
    const last = `burst-${String(files - 1)}`;
    const unused: number[] = [];
    const seq = ++this.#seq;
    const temporary = join(this.#directory, '.burst.tmp');
    const renameAll = (): void => {
      for (const path of paths) {
        writeFileSync(temporary, JSON.stringify(benchRecord(last, seq)));
        renameSync(temporary, path);
      }
    };
    await this.#timed(unused, last, seq, renameAll);
    await this.#timed(unused, last, 'removed', () => paths.forEach((path) => rmSync(path)));
  }

  #timed(into: number[], id: string, seq: number | 'removed', operation: () => void): Promise<void> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.unheard++;
        this.#expected = undefined;
        resolve();
      }, PATIENCE_MS);
      let began = 0;
      this.#expected = {
        id,
        seq,
        seen: () => {
          into.push(Math.round((performance.now() - began) * 1e3) / 1e3);
          clearTimeout(giveUp);
          this.#expected = undefined;
          resolve();
        },
      };
      began = performance.now();
      operation();
    });
  }
}

function rest(pauseMs: number): Promise<void> | undefined {
  if (pauseMs === 0) return undefined;
  // Collect now and not while an event is on its way: the bus is measured, not its client's collector.
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
  return new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * pauseMs));
}

function feedOf(source: Source): OpenFeed {
  switch (source.is) {
    case 'bus':
      return busFeed(source.url, source.token);
    case 'packed':
      return packedFeed(source.url);
    case 'model':
      return modelFeed(source.script, source.pollSeconds);
    case 'inotifywait':
      return inotifywaitFeed;
    case 'watchman':
      return watchmanFeed;
  }
}

/**
 * V8 first interprets code, then compiles it in several steps, but a bus usually runs for hours. So before measuring, many records are
 * written and removed in bursts, then some one by one.
 */
const BURST_FILES = 100;
const WARM_UP_MS = 700;

await runProgram(async (plan: LatencyPlan) => {
  const probe = new Probe(plan.root);
  const close = await feedOf(plan.source)(plan.root, (seen) => probe.see(seen));
  const measure = async (): Promise<Latencies> => {
    for (let i = 0; i < (plan.bursts ?? 0); i++) await probe.burst(BURST_FILES);
    const warm = { rename: [], write: [], unlink: [] };
    const warmAt = performance.now() + (plan.warmUpMs ?? WARM_UP_MS);
    while (performance.now() < warmAt) await probe.cycle(warm, 0);
    probe.unheard = 0;
    const latencies = { rename: [], write: [], unlink: [] };
    for (let i = 0; i < plan.samples; i++) await probe.cycle(latencies, plan.pauseMs);
    return { ...latencies, unheard: probe.unheard };
  };
  return { ready: true, calls: { measure }, stop: close };
});
