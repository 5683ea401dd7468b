import { fstatSync } from 'node:fs';

const POLL_INTERVAL_MS = 250;
/** The timeout of a poll, one millisecond. With a shorter timeout, only the clock would report. */
const POLL_TIMEOUT_NS = 1_000_000n;
const STDOUT = 1;
const CLOCK = 0;
const FD_WRITE = 2;
const MONOTONIC = 1;
/** Offsets and sizes of the poll's two subscriptions, its events and their number in the module's memory. */
const SUBSCRIPTIONS = 0;
const SUBSCRIPTION_BYTES = 48;
const EVENTS = 128;
const EVENT_BYTES = 32;
const COUNT = 256;

/**
 * Calls back when the reader of standard output has closed it, even if nothing is being written. Otherwise `muse-bus watch | head -1` would
 * run until the next event. Node reports a closed pipe only on a write, and `poll_oneoff` of its WASI is the only way to the system's
 * `poll`. If that fails, the next write detects the closed pipe as usual. Does not keep the process alive.
 */
export function onStdoutClosed(closed: () => void): void {
  if (!isPipe()) return;
  const timer = setInterval(() => {
    void open().then((isOpen) => {
      if (isOpen()) return;
      clearInterval(timer);
      closed();
    });
  }, POLL_INTERVAL_MS);
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

/** A module with one page of memory and an empty `_initialize`, as WASI requires. */
const MODULE = Buffer.from('AGFzbQEAAAABBAFgAAADAgEABQMBAAEHGAIGbWVtb3J5AgALX2luaXRpYWxpemUAAAoEAQIACw==', 'base64');

async function poll(): Promise<() => boolean> {
  const { WASI } = await withoutWarning(() => import('node:wasi'));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(MODULE));
  const wasi = new WASI({ version: 'preview1', stdout: STDOUT });
  wasi.initialize(instance);
  const memory = new DataView((instance.exports['memory'] as WebAssembly.Memory).buffer);
  const imports = wasi.wasiImport as {
    poll_oneoff(subscriptions: number, events: number, n: number, count: number): number;
  };
  memory.setUint8(SUBSCRIPTIONS + 8, FD_WRITE);
  memory.setUint32(SUBSCRIPTIONS + 16, STDOUT, true);
  // The clock ends the poll when the pipe is full.
  memory.setUint8(SUBSCRIPTIONS + SUBSCRIPTION_BYTES + 8, CLOCK);
  memory.setUint32(SUBSCRIPTIONS + SUBSCRIPTION_BYTES + 16, MONOTONIC, true);
  memory.setBigUint64(SUBSCRIPTIONS + SUBSCRIPTION_BYTES + 24, POLL_TIMEOUT_NS, true);
  return () => {
    memory.setUint32(COUNT, 0, true);
    if (imports.poll_oneoff(SUBSCRIPTIONS, EVENTS, 2, COUNT) !== 0) return true;
    for (let i = 0; i < memory.getUint32(COUNT, true); i++)
      if (isClosed(memory, EVENTS + i * EVENT_BYTES)) return false;
    return true;
  };
}

/** Whether an event is an error or hang-up of the output. */
function isClosed(memory: DataView, at: number): boolean {
  if (memory.getUint8(at + 10) !== FD_WRITE) return false;
  return memory.getUint16(at + 8, true) !== 0 || (memory.getUint16(at + 24, true) & 1) === 1;
}

/** Suppresses Node's warning on stderr that its WASI is experimental. */
async function withoutWarning<T>(load: () => Promise<T>): Promise<T> {
  const warn = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return await load();
  } finally {
    process.emitWarning = warn;
  }
}
