import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Endpoint, ServerOptions } from '../../../server/index.js';
import type { Turn } from './turn-meter.js';

const PROGRAM = fileURLToPath(new URL('./server-process.js', import.meta.url));
/** How long a start may take, under `strace` on a busy machine. */
const START_MS = 60_000;

export interface BusProcessOptions extends Omit<Partial<ServerOptions>, 'root' | 'log'> {
  /** The command that runs the server: `['strace', …]`. */
  readonly under?: readonly string[];
  /** Whether the server measures the processor time of each turn of its loop; that keeps a core busy. */
  readonly measuresTurns?: boolean;
}

/** The measurements of a server. */
export interface Stats {
  /** Bytes, without mapped files. */
  readonly ownMemory: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly loopMaxMs: number;
  readonly loopP99Ms: number;
  /** The longest turns since the last request, where the server measures them. */
  readonly turns?: readonly Turn[];
  readonly cpuMs: number;
  readonly journal: string;
  readonly revision: number;
  readonly records: number;
  /** Connections whose socket takes no more. */
  readonly congested: number;
  /** Connections that waited although their socket's queue was empty. */
  readonly stalls: number;
  /** The longest queue of all connections, in bytes. */
  readonly mostQueued: number;
  readonly backend: string;
  readonly healthy: boolean;
  readonly last_scan_ms: number;
}

interface LogLine {
  readonly level: string;
  readonly text: string;
}

/** A server in its own process, which can be stopped, killed and measured. */
export class BusProcess {
  readonly log: LogLine[] = [];
  readonly exit: Promise<number>;
  #endpoint: Endpoint | undefined;
  #asking: ((stats: Stats) => void)[] = [];
  #errors = '';
  hasExited = false;

  private constructor(private readonly child: ChildProcessByStdio<null, Readable, Readable>) {
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#read(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.exit = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        if (process.env['FAULT_DEBUG'])
          console.error('server ended', code, signal, this.#errors.slice(-3000), JSON.stringify(this.log.slice(-5)));
        this.hasExited = true;
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 128));
      });
    });
  }

  static async start(
    root: string,
    { under = [], measuresTurns = false, ...options }: BusProcessOptions = {},
  ): Promise<BusProcess> {
    const given = { heartbeatMs: 50, ...options, root, port: options.port ?? 0 };
    const env = { ...process.env, FAULT_TURNS: measuresTurns ? '1' : '0' };
    const [program, ...args] = [...under, process.execPath, PROGRAM, JSON.stringify(given)];
    const bus = new BusProcess(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env }));
    const giveUpAt = performance.now() + START_MS;
    while (!bus.#endpoint) {
      const isLate = performance.now() > giveUpAt;
      if (isLate) await bus.kill();
      if (bus.hasExited || isLate) throw new Error(`the server did not start: ${bus.#errors.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return bus;
  }

  get endpoint(): Endpoint {
    return this.#endpoint!;
  }

  get port(): number {
    return Number(new URL(this.endpoint.url).port);
  }

  /** The server's standard error so far. */
  get errors(): string {
    return this.#errors;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.hasExited) process.kill(this.endpoint.pid, signal);
  }

  ask(): Promise<Stats> {
    return new Promise((resolve) => {
      this.#asking.push(resolve);
      this.signal('SIGUSR2');
    });
  }

  /** Sends SIGTERM. @returns the exit code, and how long the stop took. */
  async stop(): Promise<{ readonly code: number; readonly tookMs: number }> {
    const began = performance.now();
    this.signal('SIGTERM');
    const code = await this.exit;
    return { code, tookMs: performance.now() - began };
  }

  async kill(): Promise<void> {
    if (this.hasExited) return;
    try {
      process.kill(this.#endpoint?.pid ?? this.child.pid!, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
    // The command around it may end later: `strace` waits until a delay that it injected is over.
    this.child.kill('SIGKILL');
    await this.exit;
  }

  hasLogged(text: string): boolean {
    return this.log.some((line) => line.text.includes(text));
  }

  #read(line: string): void {
    const { endpoint, stats, log } = JSON.parse(line) as { endpoint?: Endpoint; stats?: Stats; log?: LogLine };
    if (endpoint) this.#endpoint = endpoint;
    if (stats) for (const resolve of this.#asking.splice(0)) resolve(stats);
    if (log) this.log.push(log);
  }
}
