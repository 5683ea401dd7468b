import { monotonicMs } from '../monotonic.js';
import { cpuSeconds, runProgram } from '../program.js';
import { dialectOf, type CountedSource } from './dialects.js';
import { RawSocket } from './raw-socket.js';

export interface CountingPlan {
  readonly source: CountedSource;
  readonly connections: number;
}

/** When every connection had its number of events. */
export interface Counted {
  readonly finishedAtMs: number;
  readonly deliveries: number;
  /** CPU of the client's process meanwhile, seconds. */
  readonly cpuSeconds: number;
}

/** So many connections are being opened at a time. */
const OPENING = 100;

/** Many connections in one process, each counting the events it is sent. */
class Crowd {
  readonly sockets: RawSocket[] = [];
  readonly #done = new Set<RawSocket>();
  #opening: (() => void) | undefined;
  #goal: { readonly each: number; left: number; readonly reached: () => void } | undefined;

  constructor(private readonly plan: CountingPlan) {}

  async open(): Promise<void> {
    const url = new URL(this.plan.source.url);
    const dialect = dialectOf(this.plan.source);
    while (this.sockets.length < this.plan.connections) {
      const batch: RawSocket[] = [];
      const allReady = new Promise<void>((resolve) => {
        this.#opening = () => {
          if (batch.every((socket) => socket.isReady)) resolve();
        };
      });
      const count = Math.min(OPENING, this.plan.connections - this.sockets.length);
      for (let i = 0; i < count; i++) batch.push(new RawSocket(url, dialect, (socket) => this.#progress(socket)));
      await allReady;
      this.sockets.push(...batch);
    }
    this.#opening = undefined;
  }

  /** Resolves when every connection has been sent this many events, and fails if one is sent more. */
  async await(each: number): Promise<Counted> {
    const cpuBefore = cpuSeconds();
    await new Promise<void>((reached) => {
      this.#goal = { each, left: 0, reached };
      for (const { reader } of this.sockets) if (reader.events < each) this.#goal.left++;
      if (this.#goal.left === 0) reached();
    });
    const finishedAtMs = monotonicMs();
    const cpu = cpuSeconds() - cpuBefore;
    return { finishedAtMs, deliveries: this.total(), cpuSeconds: cpu };
  }

  total(): number {
    return this.sockets.reduce((sum, { reader }) => sum + reader.events, 0);
  }

  #progress(socket: RawSocket): void {
    this.#opening?.();
    const goal = this.#goal;
    if (goal === undefined || this.#done.has(socket) || socket.reader.events < goal.each) return;
    this.#done.add(socket);
    if (--goal.left === 0) goal.reached();
  }
}

await runProgram(async (plan: CountingPlan) => {
  const crowd = new Crowd(plan);
  await crowd.open();
  return {
    ready: true,
    calls: { await: (each: number) => crowd.await(each), total: () => crowd.total() },
    stop: () => crowd.sockets.forEach((socket) => socket.close()),
  };
});
