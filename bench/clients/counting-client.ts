import { monotonicMs } from '../monotonic.js';
import { cpuSeconds, runProgram } from '../program.js';
import { wireFormatOf, type CountedSource } from './wire-formats.js';
import { SamplingReader, type Arrival } from './payload-reader.js';
import { RawSocket } from './raw-socket.js';

export interface CountingPlan {
  readonly source: CountedSource;
  readonly connections: number;
  /** The number of the first connection. `#` in a filter stands for a connection's number. @default 0 */
  readonly first?: number;
  /** How many connections, evenly spread, decode every message and note the time. @default 0 */
  readonly sampled?: number;
}

/** The result when every connection has received its number of events. */
export interface Counted {
  readonly finishedAtMs: number;
  readonly deliveries: number;
  /** CPU time of the client's process meanwhile, seconds. */
  readonly cpuSeconds: number;
}

/** How many connections are being opened at a time. */
const OPENING = 100;

/** Many connections in one process. Each counts the events that it receives. */
class Crowd {
  readonly sockets: RawSocket[] = [];
  readonly #done = new Set<RawSocket>();
  #opening: (() => void) | undefined;
  #goal: { readonly each: number; left: number; readonly reached: () => void } | undefined;

  constructor(private readonly plan: CountingPlan) {}

  async open(): Promise<void> {
    while (this.sockets.length < this.plan.connections) {
      const batch: RawSocket[] = [];
      const allReady = new Promise<void>((resolve) => {
        this.#opening = () => {
          if (batch.every((socket) => socket.isReady)) resolve();
        };
      });
      const count = Math.min(OPENING, this.plan.connections - this.sockets.length);
      for (let i = 0; i < count; i++) batch.push(this.#connect(this.sockets.length + i));
      await allReady;
      this.sockets.push(...batch);
    }
    this.#opening = undefined;
  }

  /** Resolves when every connection has received this many events. */
  async await(each: number): Promise<Counted> {
    const cpuBefore = cpuSeconds();
    await new Promise<void>((reached) => {
      this.#goal = { each, left: 0, reached };
      this.#done.clear();
      for (const socket of this.sockets) {
        if (socket.reader.events < each) this.#goal.left++;
        else this.#done.add(socket);
      }
      if (this.#goal.left === 0) reached();
    });
    const finishedAtMs = monotonicMs();
    return { finishedAtMs, deliveries: this.total(), cpuSeconds: cpuSeconds() - cpuBefore };
  }

  total(): number {
    return this.sockets.reduce((sum, { reader }) => sum + reader.events, 0);
  }

  arrivals(): Arrival[] {
    return this.sockets.flatMap(({ reader }) => (reader instanceof SamplingReader ? reader.arrivals : []));
  }

  #connect(n: number): RawSocket {
    const { source, connections, first = 0, sampled = 0 } = this.plan;
    const isSampled = Math.floor(((n + 1) * sampled) / connections) > Math.floor((n * sampled) / connections);
    return new RawSocket(
      new URL(source.url),
      wireFormatOf(source, first + n),
      (socket) => this.#progress(socket),
      isSampled ? (reader) => new SamplingReader(reader) : undefined,
    );
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
    calls: {
      await: (each: number) => crowd.await(each),
      total: () => crowd.total(),
      arrivals: () => crowd.arrivals(),
      /** Stops reading, as a client that hangs does. */
      hang: () => crowd.sockets.forEach((socket) => socket.pause()),
      closed: () => crowd.sockets.filter((socket) => socket.isClosed).length,
    },
    stop: () => crowd.sockets.forEach((socket) => socket.close()),
  };
});
