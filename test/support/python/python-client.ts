import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until, untilFound } from '../until.js';

/** Another interpreter tries another version of websockets: 10 is Debian's, 14 renamed what we use. */
const PYTHON = process.env['MUSE_TEST_PYTHON'] ?? '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('bus_client.py', import.meta.url));

/** What the Python client prints, one object a line. */
export interface Line {
  readonly message: string;
  readonly [field: string]: unknown;
}

/** @returns why the client cannot run here; `undefined` where it can. */
export function whyNoPython(): string | undefined {
  try {
    execFileSync(PYTHON, ['-c', 'import sys, websockets, msgpack; assert sys.version_info >= (3, 10)'], {
      stdio: 'pipe',
    });
    return undefined;
  } catch {
    return `${PYTHON} 3.10 with websockets and msgpack is missing (Debian: python3-websockets python3-msgpack)`;
  }
}

/** The client in Python, as a child process that a test tells what to do. */
export class PythonClient {
  readonly lines: Line[] = [];
  #stderr = '';
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(
    endpointFile: string,
    encoding: 'msgpack' | 'json' = 'msgpack',
    tokenIn: 'header' | 'subprotocol' = 'header',
  ) {
    this.#child = spawn(PYTHON, [PROGRAM, endpointFile, encoding, tokenIn]);
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
  }

  do(command: Readonly<Record<string, unknown>>): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** The first line, from `from` on, that has these fields, once it has come. */
  async line(fields: Readonly<Record<string, unknown>>, from = 0): Promise<Line> {
    const what = `Python prints ${JSON.stringify(fields)}`;
    try {
      return await untilFound(what, () => {
        const violation = this.lines.find(({ message }) => message === 'violation');
        if (violation) throw new Error(`violation: ${String(violation['text'])}`);
        return this.lines
          .slice(from)
          .find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; stderr: ${this.#stderr}`, { cause: error });
    }
  }

  /** The events that a subscription has had, shortly: `added reservation r1`. */
  events(sub: number): string[] {
    return this.lines
      .filter((line) => line.message === 'event' && line['sub'] === sub)
      .map((line) =>
        [line['event_type'], line['kind'], line['id'], line['reason'], line['problem']].filter(Boolean).join(' '),
      );
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await until('Python has ended', () => this.#child.exitCode !== null || this.#child.signalCode !== null);
  }
}
