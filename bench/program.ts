/** What a program says first: that it is ready, or why it never will be. */
export interface Ready {
  readonly ready?: unknown;
  readonly error?: string;
}

/** A question to a running program; `call` 0 asks it to end. */
export interface Call {
  readonly call: number;
  readonly name: string;
  readonly argument: unknown;
}

export interface Answer {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A program that has started. */
export interface Running {
  readonly ready: unknown;
  readonly calls?: Readonly<Record<string, (argument: never) => unknown>>;
  stop?(): unknown;
}

/** CPU time of this process so far, seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs a program of the bench: starts it with the configuration from its parent, then answers calls until told to end. */
export async function runProgram(start: (config: never) => Promise<Running> | Running): Promise<void> {
  // A parent that is gone has no use for us.
  process.on('disconnect', () => process.exit(1));
  // In order, so that what it has started ends with it.
  process.on('SIGTERM', () => process.exit(1));
  // Where the parent has just gone there is nobody to tell.
  const say = (message: Ready | Answer): void => void process.send?.(message, undefined, undefined, () => undefined);
  try {
    const running = await start(JSON.parse(process.argv[2] ?? 'null') as never);
    process.on('message', (call: Call) => void answer(running, call, say));
    say({ ready: running.ready });
  } catch (error) {
    say({ error: (error as Error).stack ?? String(error) });
  }
}

async function answer(running: Running, { call, name, argument }: Call, say: (answer: Answer) => void): Promise<void> {
  if (name === 'stop') {
    await running.stop?.();
    // An orderly exit, so that a CPU profile is written.
    process.exit(0);
  }
  const calls: NonNullable<Running['calls']> = { cpu: cpuSeconds, memory, held, ...running.calls };
  try {
    say({ call, value: await calls[name]!(argument as never) });
  } catch (error) {
    say({ call, error: (error as Error).stack ?? String(error) });
  }
}

/** Resident memory in bytes, after a collection where `--expose-gc` allows one. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Bytes that the program itself holds, after a collection where `--expose-gc` allows one: its heap, and what it has beside it. */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
