/** The first message of a program: it is ready, or has failed with a reason. */
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

/** The functions of a started program. */
export interface Running {
  readonly ready: unknown;
  readonly calls?: Readonly<Record<string, (argument: never) => unknown>>;
  stop?(): unknown;
}

/** Returns the CPU time of this process so far, seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs a program of the bench: starts it with the configuration from its parent, then answers calls until told to end. */
export async function runProgram(start: (config: never) => Promise<Running> | Running): Promise<void> {
  // The program ends with its parent.
  process.on('disconnect', () => process.exit(1));
  // An orderly exit, so that the processes that it has started end too.
  process.on('SIGTERM', () => process.exit(1));
  // An error means that the parent has just ended, so there is no receiver.
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
  const calls: NonNullable<Running['calls']> = {
    cpu: cpuSeconds,
    usage: () => process.cpuUsage(),
    memory,
    held,
    ...running.calls,
  };
  try {
    say({ call, value: await calls[name]!(argument as never) });
  } catch (error) {
    say({ call, error: (error as Error).stack ?? String(error) });
  }
}

/** Returns the resident memory, bytes, after a collection if `--expose-gc` allows one. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Returns the bytes that the program holds, in its heap and outside of it, after a collection if `--expose-gc` allows one. */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
