import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** The built command line: `npm test` builds it first. */
export const MUSE_BUS = fileURLToPath(new URL('../../dist/client/cli/main.cjs', import.meta.url));

/** The command line without the bundle, beside this file as it is compiled: runs of faults need no dist/. */
export const UNBUNDLED_MUSE_BUS = fileURLToPath(new URL('command-entry.js', import.meta.url));

/** A directory that does not exist: the tests must not read the user's settings. */
const NO_CONFIG = join(tmpdir(), 'muse-bus-no-config');

/** A child process, with the lines that it has printed so far. */
export class Command {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  /** Resolves with the exit code after both streams have ended. After a signal the code is 128 + the signal's number. */
  readonly exit: Promise<number>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd ?? process.cwd(),
      env: { ...process.env, NODE_OPTIONS: '', XDG_CONFIG_HOME: NO_CONFIG, ...options.env },
    });
    collect(this.#child.stdout, this.lines);
    collect(this.#child.stderr, this.errors);
    this.exit = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 2));
      });
    });
  }

  static museBus(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Command {
    return new Command(process.execPath, [MUSE_BUS, ...args], options);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The lines so far, each parsed as JSON. */
  json<T = Record<string, unknown>>(): T[] {
    return this.lines.map((line) => JSON.parse(line) as T);
  }
}

function collect(stream: Readable, lines: string[]): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  stream.on('end', () => {
    if (rest !== '') lines.push(rest);
  });
}
