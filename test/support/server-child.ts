import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { Limits } from '../../server/index.js';
import { Repository } from './repository-on-disk.js';

const SERVER = pathToFileURL(resolve('dist/server/index.js')).href;

/** Prints errors to stderr and the endpoint to stdout, and exits when the parent process does. */
const PROGRAM = `
  import { BusServer } from ${JSON.stringify(SERVER)};
  const none = () => undefined;
  const error = (fields, text) => process.stderr.write(text + ' ' + (fields.err?.stack ?? '') + '\\n');
  const server = new BusServer({ ...JSON.parse(process.argv[1]), log: { debug: none, info: none, warn: none, error } });
  const { url, token } = await server.start();
  process.stdout.write(JSON.stringify({ url, token }) + '\\n');
  process.stdin.on('end', () => process.exit()).resume();
`;

export interface ChildOptions {
  readonly transport: 'uws' | 'ws';
  readonly limits?: Partial<Limits>;
  readonly journal?: boolean;
}

/** The built server in its own process, so that a test can detect a crash. */
export class ServerChild {
  readonly repository: Repository;
  #errors = '';

  private constructor(
    repository: Repository,
    private readonly child: ChildProcessByStdio<null, Readable, Readable>,
    readonly endpoint: { readonly url: string; readonly token: string },
  ) {
    this.repository = repository;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
  }

  static async start(options: ChildOptions, repository = new Repository()): Promise<ServerChild> {
    const given = JSON.stringify({ root: repository.root, port: 0, ...options });
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', given], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    }) as unknown as ChildProcessByStdio<null, Readable, Readable>;
    let text = '';
    child.stdout.setEncoding('utf8');
    while (!text.includes('\n')) {
      const [piece] = (await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'exit').then(() => Promise.reject(new Error('the server ended before it served'))),
      ])) as [string];
      text += piece;
    }
    return new ServerChild(repository, child, JSON.parse(text) as { url: string; token: string });
  }

  get port(): number {
    return Number(new URL(this.endpoint.url).port);
  }

  get token(): string {
    return this.endpoint.token;
  }

  /** The errors that the server has logged, and what the engine prints before it aborts the process. */
  get errors(): string {
    return this.#errors;
  }

  isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resident memory, in bytes. Linux only. */
  memoryBytes(): number {
    const status = readFileSync(`/proc/${String(this.child.pid)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
  }

  async stop(): Promise<void> {
    if (this.isAlive()) {
      this.child.kill('SIGKILL');
      await once(this.child, 'exit');
    }
    this.repository.destroy();
  }
}
