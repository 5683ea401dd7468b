import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onAbort } from './cleanup.js';
import { pinToOwnCore, type Part } from './cpu-affinity.js';
import type { Answer, Call, Ready } from './program.js';

/** How long a program may take before the round counts as failed. */
const PATIENCE_MS = 120_000;

/** How a program is started. */
export interface How {
  /** Options for Node, such as `--cpu-prof`. */
  readonly argv?: readonly string[];
  /** The compiled `bench/` that holds the program. @default this one */
  readonly build?: string;
  /** The program of Node. @default the one that runs this */
  readonly node?: string;
  /** A command that runs Node, with its options, such as `valgrind`. */
  readonly through?: readonly string[];
  /** The core that it stays on when it is ready, see {@link pinToOwnCore}. @default chosen by the scheduler */
  readonly part?: Part;
}

/** A program of the bench in a new process, which answers calls. */
export class Child<R = unknown> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #nextCall = 1;

  private constructor(
    child: ChildProcess,
    private readonly program: string,
    /** The program's message when it was ready. */
    readonly ready: R,
  ) {
    this.#process = child;
    child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.call);
      this.#waiting.delete(answer.call);
      if (answer.error === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(`${program}: ${answer.error}`));
    });
    child.on('exit', (code, signal) => {
      const why = new Error(`${program} ended with ${String(code ?? signal)}`);
      for (const { reject } of this.#waiting.values()) reject(why);
      this.#waiting.clear();
    });
  }

  /**
   * @param program path below `bench/`, without extension.
   */
  static async start<R>(program: string, config: unknown, how: How = {}): Promise<Child<R>> {
    const { argv = [], build = fileURLToPath(new URL('.', import.meta.url)), through = [], part } = how;
    const { node = process.execPath } = how;
    const [execPath = node, ...before] = through;
    const child = fork(join(build, `${program}.js`), [JSON.stringify(config)], {
      execPath,
      execArgv: through.length > 0 ? [...before, node, ...argv] : [...argv],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    child.once(
      'exit',
      onAbort(() => child.kill()),
    );
    const ready = await new Promise<R>((resolve, reject) => {
      child.once('message', (message: Ready) => {
        if (message.error === undefined) resolve(message.ready as R);
        else reject(new Error(`${program}: ${message.error}`));
      });
      child.once('exit', (code) => reject(new Error(`${program} ended with ${String(code)} before it was ready`)));
      child.once('error', reject);
    });
    if (part) pinToOwnCore(child.pid!, part);
    return new Child(child, program, ready);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  call<V>(name: string, argument?: unknown): Promise<V> {
    const call = this.#nextCall++;
    return new Promise<V>((resolve, reject) => {
      const giveUp = setTimeout(() => reject(new Error(`${this.program}: no answer to ${name}`)), PATIENCE_MS);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(giveUp);
          then(value);
        };
      this.#waiting.set(call, { resolve: settle(resolve as (value: unknown) => void), reject: settle(reject) });
      this.#process.send({ call, name, argument } satisfies Call);
    });
  }

  /** Asks the program to end, and waits until it has. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    this.#process.send({ call: 0, name: 'stop', argument: undefined } satisfies Call);
    await gone;
    clearTimeout(kill);
  }
}

export type Start = typeof Child.start;

/** Runs `body` with children that are stopped afterwards. */
export async function withChildren<T>(body: (start: Start) => Promise<T>): Promise<T> {
  const children: Child[] = [];
  const start: Start = async (program, config, how) => {
    const child = await Child.start<never>(program, config, how);
    children.unshift(child);
    return child;
  };
  try {
    return await body(start);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
