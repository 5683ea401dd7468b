import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { until } from './until.js';

/** Another version than the installed one: `NATS_SERVER=/path/to/nats-server npx tap test/server/relay`. */
const PROGRAM = process.env['NATS_SERVER'] ?? 'nats-server';

/** The reason to skip tests with NATS; `false` where nats-server is installed. */
export const withoutNats: string | false = (() => {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'nats-server is not installed';
  }
})();

export interface NatsServerOptions {
  /** Additional lines of its configuration. */
  readonly config?: string;
  /** Its JetStream domain. @default none */
  readonly domain?: string;
  /** The address of the server. @default '127.0.0.1' */
  readonly host?: string;
  /** The command that runs the program, such as `ip netns exec …`. The server then listens on all addresses. */
  readonly under?: readonly string[];
}

/** A real nats-server with JetStream, on a free port. Its store survives a kill. */
export class NatsServer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'muse-bus-nats-'));
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly options: NatsServerOptions,
  ) {}

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), options);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://${this.#host}:${String(this.port)}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get #host(): string {
    return this.options.host ?? '127.0.0.1';
  }

  /** Starts the server, or restarts it with its store. @param config the lines of its configuration, if they are others than before. */
  async start(config = this.options.config ?? ''): Promise<void> {
    const [program, ...args] = [...(this.options.under ?? []), PROGRAM, '-c', this.#configured(config)];
    const child = spawn(program, args, { stdio: 'ignore' });
    this.#child = child;
    let isOpen = false;
    const look = (): void => {
      const socket = createConnection({ host: this.#host, port: this.port }, () => {
        isOpen = true;
        socket.destroy();
      });
      socket.on('error', () => undefined);
    };
    await until('nats-server listens', () => {
      if (!isOpen) look();
      return isOpen;
    });
  }

  /** Lets the server read its configuration again. Its connections stay. */
  reload(config: string): void {
    this.#configured(config);
    this.#child!.kill('SIGHUP');
  }

  /** Writes the configuration. @returns its file. */
  #configured(config: string): string {
    const file = join(this.#dir, 'nats.conf');
    const store = join(this.#dir, 'store');
    const listen = `listen: "${this.options.under ? '0.0.0.0' : this.#host}:${String(this.port)}"`;
    const { domain } = this.options;
    const jetStream = `store_dir: "${store}"${domain === undefined ? '' : `, domain: ${domain}`}`;
    writeFileSync(file, `${listen}\njetstream { ${jetStream} }\n${config}\n`);
    return file;
  }

  /** Stops the server, by default without warning, as a power cut would. The store stays. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  }

  /** Deletes the store, as if the disk had failed. */
  forget(): void {
    rmSync(join(this.#dir, 'store'), { recursive: true, force: true });
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
