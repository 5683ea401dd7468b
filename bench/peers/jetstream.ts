import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, freePort } from '../command.js';
import { commandPath } from '../installed.js';

/** A nats-server with JetStream and its own store, which survives a restart. */
export class JetStreamServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'muse-bus-bench-jetstream-'));
  #running: Command | undefined;

  private constructor(
    private readonly command: string,
    readonly port: number,
  ) {}

  /** Starts a server with a new store. @throws Unavailable if nats-server is not installed. */
  static async start(): Promise<JetStreamServer> {
    const server = new JetStreamServer(commandPath('nats-server'), await freePort());
    await server.begin();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${String(this.port)}`;
  }

  get pid(): number {
    return this.#running!.pid;
  }

  /** Starts the server with its existing store. */
  async begin(): Promise<void> {
    const file = join(this.#folder, 'nats.conf');
    const store = join(this.#folder, 'store');
    writeFileSync(file, `listen: "127.0.0.1:${String(this.port)}"\njetstream { store_dir: "${store}" }\n`);
    this.#running = await Command.start(this.command, ['-c', file], [this.port]);
  }

  /** Ends the server and keeps the store. */
  async end(): Promise<void> {
    await this.#running?.stop();
  }

  async dispose(): Promise<void> {
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
