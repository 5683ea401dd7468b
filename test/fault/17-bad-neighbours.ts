import { spawnSync } from 'node:child_process';
import { symlinkSync, truncateSync } from 'node:fs';
import { MessageType } from '../../protocol/index.js';
import type { TemporaryRepository } from '../support/temporary-repository.js';
import { held, insist, eventually, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { judge, barrier } from './support/judge.js';

function plantHostileFiles(repository: TemporaryRepository): void {
  const { dir } = repository;
  spawnSync('mkfifo', [dir.file('task', 'pipe')]);
  symlinkSync('/dev/zero', dir.file('task', 'zero'));
  repository.raw('task', 'sparse', '');
  truncateSync(dir.file('task', 'sparse'), 10 * 2 ** 30);
  repository.raw('task', 'deep', `${'['.repeat(120_000)}${']'.repeat(120_000)}`);
  repository.raw('task', 'wide', JSON.stringify({ a: Array.from({ length: 100_000 }, (_, i) => i) }));
  repository.raw('task', 'broken', '{"a":');
  repository.raw('task', 'proto', '{"__proto__":{"a":1}}');
}

/** @returns milliseconds from the rename to the event, sorted. */
async function measure(context: FaultContext, repository: TemporaryRepository, samples: number, meanwhile: () => void) {
  const bus = await context.bus(repository.root, { limits: { maxQueuedBytes: 65_536 } });
  const normal = context.observer('normal', { address: () => bus.endpoint, filter: { kinds: ['claim'] } });
  const slow = Array.from({ length: 20 }, (_, i) =>
    context.observer(`slow ${String(i)}`, { address: () => bus.endpoint }),
  );
  await eventually('all are live', () => normal.isLive && slow.every((life) => life.isLive));
  for (const life of slow) life.pause();
  const seen = new Map<number, number>();
  normal.onMessage = (message) => {
    if (message[0] !== MessageType.events) return;
    for (const event of message[3]) seen.set((event[5] as { n?: number }).n!, performance.now());
  };
  const latencies: number[] = [];
  const work = context.workload(repository, { inPlace: 0 });
  for (let n = 0; n < samples; n++) {
    meanwhile();
    const began = performance.now();
    work.write('claim', `c${String(n % 10)}`);
    await eventually('the normal client is told', () => seen.has(n), 10_000);
    latencies.push(seen.get(n)! - began);
    await pause(context.random() * 4);
  }
  await barrier(bus);
  judge([normal], work.operations, false);
  for (const life of [normal, ...slow]) life.stop();
  await bus.kill();
  return latencies.sort((a, b) => a - b);
}

export const badNeighbours: FaultRun = {
  row: 17,
  name: '17-bad-neighbours',
  invariant: 'one bad client or file delays nobody',
  fault: '20 clients that do not read, files that are pipes, links to /dev/zero, 10 GB, broken; one normal client',
  async run(context) {
    const samples = context.size(150, 3_000);
    const quiet = await measure(context, context.repository(), samples, () => undefined);
    const repository = context.repository();
    plantHostileFiles(repository);
    let n = 0;
    const loud = await measure(context, repository, samples, () => {
      n++;
      repository.raw('task', 'broken', `{"a":${String(n)},`);
      repository.raw('task', 'deep', `${'['.repeat(100_000)}${String(n)}`);
      for (let i = 0; i < 10; i++) repository.rename('intent', `i${String(i)}`, { n, padding: 'x'.repeat(2_000) });
    });
    const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
    const [p50, p99] = [0.5, 0.99].map((share) => `${at(quiet, share).toFixed(2)} → ${at(loud, share).toFixed(2)} ms`);
    // Against what the same client sees alone, because the machine may have other work.
    const boundMs = Math.max(50, 10 * at(quiet, 0.99));
    insist(at(loud, 0.99) < boundMs, () => `the normal client waited: p50 ${p50!}, p99 ${p99!}`);
    return held(samples, `rename to event, alone → among them: p50 ${p50!}, p99 ${p99!}`);
  },
};
