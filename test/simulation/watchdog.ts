import { Worker } from 'node:worker_threads';

/** A life gives the real loop a turn after a few of its steps. A loop that takes longer than this, seconds of the processor, does not end. */
const MAX_SECONDS = 15;
const BEAT_MS = 200;

/**
 * The other thread. It can be sure of nothing but the time that the process has used: the main thread answers nothing while it runs in a loop,
 * and a process that waits for the processor is not to blame.
 */
const WATCHING = `
  const { workerData: { shared, maxSeconds, isJson } } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
  let [beat, since] = [-1, used()];
  setInterval(() => {
    const now = Atomics.load(shared, 0);
    if (now !== beat) {
      [beat, since] = [now, used()];
      return;
    }
    if (used() - since < maxSeconds) return;
    const [, seed, lives] = shared;
    writeSync(2, 'seed ' + seed + ' does not end: a loop has run for ' + maxSeconds + ' s of the processor\\n');
    const violating = [{ seed, rule: 'bound' }];
    if (isJson)
      writeSync(1, JSON.stringify({ lives: lives + 1, processor_seconds: used(), violations: 1, violating }) + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;

/** Ends the process when a life runs in a loop that nothing in its own thread can interrupt. */
export class Watchdog {
  /** Beats, the seed of the present life, and how many lives have ended. */
  readonly #shared = new Int32Array(new SharedArrayBuffer(12));
  readonly #worker: Worker;
  readonly #beating: NodeJS.Timeout;

  /** @param isJson whether it says what it has found in a last line of JSON, too. */
  constructor(isJson: boolean) {
    const workerData = { shared: this.#shared, maxSeconds: MAX_SECONDS, isJson };
    this.#worker = new Worker(WATCHING, { eval: true, workerData });
    this.#worker.unref();
    this.#beating = setInterval(() => Atomics.add(this.#shared, 0, 1), BEAT_MS).unref();
  }

  /** To be called before each life. */
  lifeBegins(seed: number, lives: number): void {
    this.#shared[1] = seed;
    this.#shared[2] = lives;
  }

  async stop(): Promise<void> {
    clearInterval(this.#beating);
    await this.#worker.terminate();
  }
}
