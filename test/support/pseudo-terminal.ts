import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { MUSE_BUS } from './command.js';

const isInstalled = ((): boolean => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

/** A command on a terminal, which util-linux's `script` provides. */
export class PseudoTerminal {
  /** The reason to skip, for `t.test`; `false` where `script` is installed. */
  static readonly skip = isInstalled ? false : 'script of util-linux is not installed';
  /** Everything that was written to the terminal. */
  screen = '';
  readonly exit: Promise<number>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(args: readonly string[], columns = 100, rows = 30) {
    const quoted = args.map((arg) => `'${arg}'`).join(' ');
    this.#child = spawn(
      'script',
      ['-qec', `stty cols ${String(columns)} rows ${String(rows)}; exec ${quoted}`, '/dev/null'],
      {
        env: { ...process.env, NODE_OPTIONS: '', TERM: 'xterm', SHELL: '/bin/sh' },
      },
    );
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.screen += text));
    this.exit = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        resolve(code ?? 1);
      });
    });
  }

  static museBus(args: readonly string[], columns?: number, rows?: number): PseudoTerminal {
    return new PseudoTerminal([process.execPath, MUSE_BUS, ...args], columns, rows);
  }

  /** What a person sees: the last complete drawing, in lines, without styles. */
  get frame(): string[] {
    const drawn = this.screen.slice(0, Math.max(0, this.screen.lastIndexOf('\u001b[J')));
    const last = drawn.slice(drawn.lastIndexOf('\u001b[H') + 3);
    // eslint-disable-next-line no-control-regex -- escape sequences are what is removed
    return last.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').split(/\r+\n/);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Types Ctrl-C unless the command has ended, because a server outlives its terminal. @returns the exit code */
  interrupt(): Promise<number> {
    if (this.#child.exitCode === null) this.type('\u0003');
    return this.exit;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
