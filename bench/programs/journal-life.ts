import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageType } from '../../protocol/index.js';
import { BusServer, type Bus, type Socket } from '../../server/index.js';
import { cpuSeconds, runProgram } from '../program.js';

/** The plan of one run with a journal. */
export interface LifePlan {
  readonly root: string;
  readonly records: number;
  readonly events: number;
  readonly missed: number;
  readonly journal: boolean;
}

/** The times of one restart, milliseconds. */
export interface Restart {
  /** From the start of the process to the endpoint, including the start of Node. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
  /** From the subscription with an old cursor to `synced`. Every event is encoded for the first time. */
  readonly resumeMs: number;
  readonly resumeCpuMs: number;
  readonly history: number;
}

export interface Cost {
  /** Milliseconds from the rename of a file to the frame at the socket. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of one event to 1,000 subscribers, all threads together, microseconds. */
  readonly fanOutUs: number;
}

const SUBSCRIBERS = 1_000;
const FANNED_OUT = 4_000;
const SAMPLES = 1_000;
const WARM_UP = 500;

const text = 'x'.repeat(140);
const cpuMs = (): number => cpuSeconds() * 1_000;

/** Writes a record as Muse writes most of them: to a temporary file, which is then renamed. */
function write(root: string, id: string, n: number): void {
  const directory = join(root, '.muse/coordination/tasks');
  writeFileSync(join(directory, `.${id}.tmp`), JSON.stringify({ task_id: id, run_id: 'bench', n, text }));
  renameSync(join(directory, `.${id}.tmp`), join(directory, `${id}.json`));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Adds a subscriber to everything, with a socket that does nothing. `since` is the cursor to resume from. */
function subscribe(bus: Bus, onFrame: (frame: Uint8Array) => unknown, since?: string): void {
  const socket: Socket = {
    queuedBytes: 0,
    send: (frame) => {
      onFrame(frame);
      return 'sent';
    },
    close: () => undefined,
  };
  const options = since === undefined ? { snapshot: 'none' } : { since };
  bus.attach(socket, 'json').message(Buffer.from(JSON.stringify([MessageType.subscribe, 1, options])), false);
}

const typeOf = (frame: Uint8Array): number =>
  Number(/^\[(\d+)/.exec(Buffer.from(frame.subarray(0, 8)).toString())?.[1]);

/** Writes the records, then changes them this many times. The history holds all of it. */
async function live(bus: Bus, { root, records, events }: LifePlan): Promise<void> {
  for (let i = 0; i < records; i++) write(root, `t${String(i)}`, 0);
  await until(() => bus.hub.revision >= records);
  for (let i = 0; i < events; i++) {
    write(root, `t${String(i % records)}`, i);
    // Wait, so that each change is read before the next change of the same record.
    if (i % 500 === 499) await until(() => bus.hub.revision >= records + i + 1);
  }
}

async function resume(bus: Bus, missed: number): Promise<{ ms: number; cpu: number }> {
  const { epoch, revision } = bus.hub;
  const [began, beganCpu] = [performance.now(), cpuMs()];
  const since = `${epoch}:${String(revision - missed)}`;
  await new Promise<void>((resolve) => {
    subscribe(bus, (frame) => typeOf(frame) === MessageType.synced && resolve(), since);
  });
  return { ms: performance.now() - began, cpu: cpuMs() - beganCpu };
}

/** Measures latencies with one file every few milliseconds. */
async function latencies(bus: Bus, root: string): Promise<number[]> {
  let got = 0;
  subscribe(bus, (frame) => {
    if (typeOf(frame) === MessageType.events) got = performance.now();
  });
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + SAMPLES; i++) {
    const began = performance.now();
    write(root, 'probe', i);
    while (got < began) await new Promise((resolve) => setImmediate(resolve));
    if (i >= WARM_UP) times.push(got - began);
    if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return times.sort((a, b) => a - b);
}

async function fanOut(bus: Bus, root: string): Promise<number> {
  for (let i = 0; i < SUBSCRIBERS; i++) subscribe(bus, () => undefined);
  const from = bus.hub.revision;
  let beganCpu = 0;
  for (let i = 0; i < WARM_UP + FANNED_OUT; i++) {
    if (i === WARM_UP) {
      await until(() => bus.hub.revision >= from + WARM_UP);
      beganCpu = cpuMs();
    }
    write(root, `f${String(i)}`, i);
    if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => bus.hub.revision >= from + WARM_UP + FANNED_OUT);
  return ((cpuMs() - beganCpu) * 1_000) / FANNED_OUT;
}

await runProgram(async (plan: LifePlan) => {
  const { root, missed } = plan;
  const server = new BusServer({ root, port: 0, journal: plan.journal });
  await server.start();
  const [readyMs, readyCpuMs] = [performance.now(), cpuMs()];
  const { bus } = server;
  return {
    ready: {},
    calls: {
      live: () => live(bus, plan),
      resume: async (): Promise<Restart> => {
        const { ms, cpu } = await resume(bus, missed);
        return { readyMs, readyCpuMs, resumeMs: ms, resumeCpuMs: cpu, history: bus.hub.history.size };
      },
      cost: async (): Promise<Cost> => {
        const times = await latencies(bus, root);
        const [p50Ms, p99Ms] = [times[SAMPLES / 2]!, times[SAMPLES * 0.99]!];
        return { p50Ms, p99Ms, fanOutUs: await fanOut(bus, root) };
      },
      /** Ends the bus as `kill -9` does, after everything has been written to disk. */
      kill: async () => {
        await until(() => bus.journalHealth === 'durable');
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        process.kill(process.pid, 'SIGKILL');
      },
    },
    stop: () => server.stop(),
  };
});
