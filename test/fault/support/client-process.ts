import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../../../server/index.js';
import type { Entry, Operation } from '../client-history.js';
import type { BusProcess } from './bus-process.js';
import { settleAndVerify, type OngoingHistory } from './verify.js';
import { until } from '../../support/until.js';

const PROGRAM = fileURLToPath(new URL('./client-main.js', import.meta.url));

/** An observer in its own process, which the kernel can stop. */
export class ClientProcess implements OngoingHistory {
  readonly name = 'stopped';
  readonly filter = {};
  readonly entries: Entry[] = [];
  cursor: string | undefined;
  isLive = false;

  private constructor(private readonly child: ChildProcessByStdio<null, Readable, null>) {
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const printed = JSON.parse(line) as { entries: Entry[]; cursor?: string; isLive: boolean };
        this.entries.push(...printed.entries);
        this.cursor = printed.cursor;
        this.isLive = printed.isLive;
      }
    });
  }

  static async start({ url, token }: Endpoint): Promise<ClientProcess> {
    const client = new ClientProcess(
      spawn(process.execPath, [PROGRAM, url, token], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    await until('the client process is live', () => client.isLive);
    return client;
  }

  get resyncs(): number {
    return this.entries.filter((entry) => entry.is === 'resync').length;
  }

  hasReached(epoch: string, revision: number): boolean {
    const [mine, reached] = this.cursor?.split(':') ?? [];
    return this.isLive && mine === epoch && Number(reached) >= revision;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Waits until this client has received everything, and checks its history beside that of a client that never stopped. */
  async collect(bus: BusProcess, operations: readonly Operation[], witness: OngoingHistory): Promise<void> {
    await settleAndVerify(bus, operations, [witness, this], 60_000);
    this.kill();
  }
}
