import { fstatSync } from 'node:fs';

const LOOK_EVERY_MS = 250;
/** A millisecond: with less, the clock is the only one that is heard. */
const PATIENCE_NS = 1_000_000n;
const STDOUT = 1;
const CLOCK = 0;
const FD_WRITE = 2;
const MONOTONIC = 1;
/** Where the poll's two questions, its answers and their number lie in the module's memory, and their sizes. */
const QUESTIONS = 0;
const QUESTION_BYTES = 48;
const ANSWERS = 128;
const ANSWER_BYTES = 32;
const COUNT = 256;

/**
 * Calls once the other end of standard output is closed, though nothing is being written: without it
 * `muse-bus watch | head -1` would stay until the next event. Node tells of a closed pipe only when it is written to, and
 * polls none that it does not read; `poll_oneoff` of its WASI is the one door to the system's `poll`. Where that does not
 * answer, the next write finds out, as ever. Keeps no process alive.
 */
export function onStdoutClosed(gone: () => void): void {
  if (!isPipe()) return;
  const timer = setInterval(() => {
    void open().then((isOpen) => {
      if (isOpen()) return;
      clearInterval(timer);
      gone();
    });
  }, LOOK_EVERY_MS);
  timer.unref();
}

function isPipe(): boolean {
  try {
    const stats = fstatSync(STDOUT);
    return process.platform !== 'win32' && (stats.isFIFO() || stats.isSocket());
  } catch {
    return false;
  }
}

let opened: Promise<() => boolean> | undefined;

function open(): Promise<() => boolean> {
  return (opened ??= poll().catch(() => () => true));
}

/** A module of nothing but a page of memory and an empty `_initialize`: what WASI asks for. */
const MODULE = Buffer.from('AGFzbQEAAAABBAFgAAADAgEABQMBAAEHGAIGbWVtb3J5AgALX2luaXRpYWxpemUAAAoEAQIACw==', 'base64');

async function poll(): Promise<() => boolean> {
  const { WASI } = await quietly(() => import('node:wasi'));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(MODULE));
  const wasi = new WASI({ version: 'preview1', stdout: STDOUT });
  wasi.initialize(instance);
  const memory = new DataView((instance.exports['memory'] as WebAssembly.Memory).buffer);
  const ask = wasi.wasiImport as { poll_oneoff(question: number, answer: number, n: number, count: number): number };
  memory.setUint8(QUESTIONS + 8, FD_WRITE);
  memory.setUint32(QUESTIONS + 16, STDOUT, true);
  // A clock beside it: where the pipe is full, the answer is not waited for.
  memory.setUint8(QUESTIONS + QUESTION_BYTES + 8, CLOCK);
  memory.setUint32(QUESTIONS + QUESTION_BYTES + 16, MONOTONIC, true);
  memory.setBigUint64(QUESTIONS + QUESTION_BYTES + 24, PATIENCE_NS, true);
  return () => {
    memory.setUint32(COUNT, 0, true);
    if (ask.poll_oneoff(QUESTIONS, ANSWERS, 2, COUNT) !== 0) return true;
    for (let i = 0; i < memory.getUint32(COUNT, true); i++) if (isEnd(memory, ANSWERS + i * ANSWER_BYTES)) return false;
    return true;
  };
}

/** An error or a hang-up of the output. */
function isEnd(memory: DataView, at: number): boolean {
  if (memory.getUint8(at + 10) !== FD_WRITE) return false;
  return memory.getUint16(at + 8, true) !== 0 || (memory.getUint16(at + 24, true) & 1) === 1;
}

/** Node calls its WASI experimental, on stderr, where only the command's own words belong. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const warn = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return await load();
  } finally {
    process.emitWarning = warn;
  }
}
