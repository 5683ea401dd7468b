import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execFileSync } from 'node:child_process';
import { KIND_DIRECTORIES, KINDS, MessageType } from '../protocol/index.js';
import { Bus, BusServer, resolveOptions, silentLog, systemClock, type Socket } from '../server/index.js';

/**
 * What the journal costs and what it gives:
 *
 *     npx tsc -p tsconfig.json --outDir .build && node .build/bench/journal.js
 *
 * Every figure is measured in a process of its own; those with and without the journal take turns.
 */
const RECORDS = 20_000;
const EVENTS = 50_000;
const MISSED = 10_000;
const CLIENTS = 1_000;
const FANNED_OUT = 2_000;
const ROUNDS = 5;

const text = 'x'.repeat(140);
/** Of the whole process, writing threads too: what a busy machine does not distort as it does the wall clock. */
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-bench-'));
  for (const kind of KINDS) mkdirSync(join(root, '.muse/coordination', KIND_DIRECTORIES[kind]), { recursive: true });
  return root;
}

/** As Muse writes most records: beside it, then renamed. */
function write(root: string, id: string, n: number): void {
  const directory = join(root, '.muse/coordination/tasks');
  writeFileSync(join(directory, `.${id}.tmp`), JSON.stringify({ task_id: id, run_id: 'bench', n, text }));
  renameSync(join(directory, `.${id}.tmp`), join(directory, `${id}.json`));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

function busOn(root: string, journal: boolean): Bus {
  return new Bus(resolveOptions({ root, journal }), systemClock, silentLog);
}

/** A subscriber to everything; `since` resumes. */
function subscriber(bus: Bus, onFrame: (frame: Uint8Array) => void, since?: string): void {
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

/** A life with 20,000 records and 50,000 events of history, ended by `end`. */
async function prepare(root: string, end: 'stop' | 'kill'): Promise<void> {
  for (let i = 0; i < RECORDS; i++) write(root, `t${String(i)}`, 0);
  const bus = busOn(root, true);
  await bus.start();
  for (let i = 0; i < EVENTS; i++) {
    write(root, `t${String(i % RECORDS)}`, i);
    if (i % 500 === 499) await until(() => bus.hub.revision >= RECORDS + i + 1);
  }
  await until(() => bus.hub.revision >= RECORDS + EVENTS);
  if (end === 'kill') {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    process.kill(process.pid, 'SIGKILL');
  }
  await bus.stop();
}

async function restart(root: string): Promise<object> {
  const began = performance.now();
  const server = new BusServer({ root, port: 0 });
  await server.start();
  const readyMs = performance.now() - began;
  const readyCpuMs = cpuMs();
  const { epoch, revision, history } = server.bus.hub;
  const fromProcessStartMs = performance.now();
  let isSynced = false;
  const resumed = performance.now();
  const resumedCpu = cpuMs();
  subscriber(
    server.bus,
    (frame) => {
      isSynced ||= typeOf(frame) === MessageType.synced;
    },
    `${epoch}:${String(revision - MISSED)}`,
  );
  await until(() => isSynced);
  const resumeMs = performance.now() - resumed;
  const resumeCpuMs = cpuMs() - resumedCpu;
  await until(() => server.bus.journalHealth === 'durable');
  const stopping = performance.now();
  await server.stop();
  return {
    readyMs: rounded(readyMs),
    fromProcessStartMs: rounded(fromProcessStartMs),
    readyCpuMs: rounded(readyCpuMs),
    history: history.size,
    resumeMs: rounded(resumeMs),
    resumeCpuMs: rounded(resumeCpuMs),
    stopMs: rounded(performance.now() - stopping),
  };
}

/** From the rename of a file to the frame at the socket, one file every few milliseconds. */
async function latency(root: string, journal: boolean): Promise<object> {
  const bus = busOn(root, journal);
  await bus.start();
  let got = 0;
  subscriber(bus, (frame) => {
    if (typeOf(frame) === MessageType.events) got = performance.now();
  });
  const times: number[] = [];
  for (let i = 0; i < 1_500; i++) {
    const began = performance.now();
    write(root, 'probe', i);
    while (got < began) await new Promise((resolve) => setImmediate(resolve));
    if (i >= 500) times.push(got - began);
    if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await bus.stop();
  times.sort((a, b) => a - b);
  return { p50Ms: rounded(times[500]!), p99Ms: rounded(times[990]!) };
}

/** 2,000 files to 1,000 subscribers whose sockets cost nothing: what is left is the server's own work. */
async function fanOut(root: string, journal: boolean): Promise<object> {
  const bus = busOn(root, journal);
  await bus.start();
  let frames = 0;
  for (let i = 0; i < CLIENTS; i++) subscriber(bus, () => frames++);
  for (let i = 0; i < 500; i++) write(root, `w${String(i)}`, i);
  await until(() => bus.hub.revision >= 500);
  const began = performance.now();
  const beganCpu = cpuMs();
  for (let i = 0; i < FANNED_OUT; i++) {
    write(root, `f${String(i)}`, i);
    if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => bus.hub.revision >= 500 + FANNED_OUT);
  const ms = performance.now() - began;
  const cpuUsPerEvent = rounded(((cpuMs() - beganCpu) * 1_000) / FANNED_OUT);
  await bus.stop();
  return { eventsPerSecond: Math.round((FANNED_OUT * 1_000) / ms), cpuUsPerEvent, frames };
}

const [, , task, root = '', variant = ''] = process.argv;

function inOwnProcess(...args: string[]): object {
  try {
    const out = execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...args], { encoding: 'utf8' });
    return JSON.parse(out) as object;
  } catch (error) {
    if ((error as { signal?: unknown }).signal === 'SIGKILL') return {};
    throw error;
  }
}

function all(): void {
  for (const end of ['stop', 'kill'] as const) {
    const place = newRoot();
    inOwnProcess('prepare', place, end);
    console.log(`restart after ${end}`, JSON.stringify(inOwnProcess('restart', place)));
    rmSync(place, { recursive: true });
  }
  for (const measure of ['latency', 'fanOut']) {
    for (let round = 0; round < ROUNDS; round++) {
      for (const journal of round % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
        const place = newRoot();
        console.log(measure, 'journal', journal, JSON.stringify(inOwnProcess(measure, place, journal)));
        rmSync(place, { recursive: true });
      }
    }
  }
}

switch (task) {
  case 'prepare':
    await prepare(root, variant === 'kill' ? 'kill' : 'stop');
    console.log('{}');
    break;
  case 'restart':
    console.log(JSON.stringify(await restart(root)));
    break;
  case 'latency':
    console.log(JSON.stringify(await latency(root, variant === 'on')));
    break;
  case 'fanOut':
    console.log(JSON.stringify(await fanOut(root, variant === 'on')));
    break;
  default:
    all();
}
