import { spawn, type ChildProcess } from 'node:child_process';
import { onAbort } from './cleanup.js';
import { connect, createServer, type AddressInfo } from 'node:net';

/** A server of another project, in its own process. */
export class Command {
  private constructor(private readonly process: ChildProcess) {}

  /** Starts it and waits until the ports answer. */
  static async start(path: string, args: readonly string[], ports: readonly number[]): Promise<Command> {
    const child = spawn(path, args, { stdio: 'ignore' });
    child.once(
      'exit',
      onAbort(() => child.kill('SIGKILL')),
    );
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${path} ended with ${String(code)}`)));
    });
    failed.catch(() => undefined);
    for (const port of ports) await Promise.race([failed, answers(port)]);
    return new Command(child);
  }

  get pid(): number {
    return this.process.pid!;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => this.process.once('exit', () => resolve()));
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 3_000);
    await gone;
    clearTimeout(kill);
  }
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Returns a port that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
