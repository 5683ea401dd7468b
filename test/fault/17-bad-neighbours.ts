import { spawnSync } from 'node:child_process';
import { symlinkSync, truncateSync } from 'node:fs';
import { MessageType } from '../../protocol/index.js';
import type { TemporaryRepository } from '../support/temporary-repository.js';
import { held, insist, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { verify, barrier } from './support/verify.js';
import type { BusProcess } from './support/bus-process.js';
import type { Observer } from './support/observer.js';
import type { Workload } from './support/workload.js';
import { until } from '../support/until.js';

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

const NEIGHBOURS = 20;
/** How much longer the normal client may wait than without the bad neighbours: two factors, and the time of one turn. */
const LIMITS = { p50: 1.5, p99: 2, turnMs: 5 };

type Arm = 'alone' | 'stopped' | 'hostile';

/** One bus with one normal client. The arms differ in the other clients and in the files. */
class Scene {
  readonly latencies: number[] = [];
  readonly #seen = new Map<number, number>();
  #n = 0;

  private constructor(
    private readonly arm: Arm,
    private readonly context: FaultContext,
    private readonly repository: TemporaryRepository,
    private readonly bus: BusProcess,
    private readonly normal: Observer,
    private readonly work: Workload,
  ) {
    normal.onMessage = (message) => {
      if (message[0] !== MessageType.events) return;
      for (const event of message[3]) this.#seen.set((event[5] as { n: number }).n, performance.now());
    };
  }

  static async open(arm: Arm, context: FaultContext): Promise<Scene> {
    const repository = context.repository();
    if (arm === 'hostile') plantHostileFiles(repository);
    const bus = await context.bus(repository.root, { limits: { maxQueuedBytes: 65_536 } });
    const address = (): BusProcess['endpoint'] => bus.endpoint;
    const normal = context.observer('normal', { address, filter: { kinds: ['claim'] } });
    const work = context.workload(repository, { inPlace: 0 });
    const scene = new Scene(arm, context, repository, bus, normal, work);
    await until('the normal client is live', () => normal.isLive);
    if (arm === 'stopped') await scene.#stopNeighbours();
    return scene;
  }

  /** Connects clients that read nothing, and writes until the kernel's buffers are full for each of them. */
  async #stopNeighbours(): Promise<void> {
    const stopped = Array.from({ length: NEIGHBOURS }, (_, i) =>
      this.context.observer(`stopped ${String(i)}`, { address: () => this.bus.endpoint }),
    );
    await until('all are live', () => stopped.every((observer) => observer.isLive));
    for (const observer of stopped) observer.pause();
    const giveUpAt = performance.now() + 60_000;
    while ((await this.bus.ask()).congested < NEIGHBOURS) {
      insist(performance.now() < giveUpAt, () => 'the server does not notice the clients that do not read');
      this.repository.rename('task', 'large', { n: this.#n++, padding: 'x'.repeat(200_000) });
    }
  }

  /** The same load in each arm: files of the same size, which are hostile in only one arm. */
  #writeLoad(): void {
    const n = String(this.#n++);
    const isHostile = this.arm === 'hostile';
    this.repository.raw('task', 'small', isHostile ? `{"a":${n},` : `{"a":${n}}`);
    this.repository.raw('task', 'big', isHostile ? `${'['.repeat(100_000)}${n}` : `{"a":"${n}${'x'.repeat(100_000)}"}`);
    for (let i = 0; i < 10; i++) {
      this.repository.rename('intent', `i${String(i)}`, { n, padding: 'x'.repeat(2_000) });
    }
  }

  async sample(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#writeLoad();
      const n = this.work.operations.length;
      const began = performance.now();
      this.work.write('claim', `c${String(n % 10)}`);
      await until('the normal client has the event', () => this.#seen.has(n), 10_000);
      this.latencies.push(this.#seen.get(n)! - began);
      await pause(this.context.random() * 4);
    }
  }

  async close(): Promise<void> {
    await barrier(this.bus);
    verify([this.normal], this.work.operations, false);
    await this.bus.kill();
  }

  at(share: number): number {
    const sorted = this.latencies.sort((a, b) => a - b);
    return sorted[Math.floor(share * (sorted.length - 1))]!;
  }
}

export const badNeighbours: FaultRun = {
  row: 17,
  name: '17-bad-neighbours',
  invariant: 'one bad client or file delays nobody',
  fault: `${String(NEIGHBOURS)} clients that do not read; files that are pipes, links to /dev/zero, 10 GB, broken; one normal client`,
  async run(context) {
    const blocks = context.size(24, 120, 1);
    const perBlock = context.size(25, 25, 3);
    const [alone, stopped, hostile] = [
      await Scene.open('alone', context),
      await Scene.open('stopped', context),
      await Scene.open('hostile', context),
    ];
    // In both orders, so that other work on the machine affects each arm alike.
    const order = [alone, stopped, hostile, hostile, stopped, alone];
    for (let block = 0; block < blocks; block++) for (const scene of order) await scene.sample(perBlock);
    for (const scene of [alone, stopped, hostile]) await scene.close();
    const shown = (scene: Scene): string => `p50 ${scene.at(0.5).toFixed(2)}, p99 ${scene.at(0.99).toFixed(2)} ms`;
    const note = `rename to event without them ${shown(alone)}; with the clients ${shown(stopped)}; with the files ${shown(hostile)}`;
    for (const scene of context.isMeasured ? [stopped, hostile] : []) {
      const isWell =
        scene.at(0.5) <= LIMITS.p50 * alone.at(0.5) && scene.at(0.99) <= LIMITS.p99 * alone.at(0.99) + LIMITS.turnMs;
      insist(isWell, () => `the normal client waited: ${note}`);
    }
    return held(2 * blocks * perBlock, note);
  },
};
