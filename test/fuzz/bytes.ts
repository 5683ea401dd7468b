import { ask, request } from '../support/http-wire.js';
import { ServerChild } from '../support/server-child.js';
import { framesLife } from './attack-frames.js';
import { httpLife, type BytesTarget } from './attack-http.js';
import { Random } from './random.js';
import { RawClient } from '../support/raw-client.js';

/** The attacks by name. Each call is one connection, from its first byte to its end. */
export const BYTE_ATTACKS: Readonly<Record<string, (target: BytesTarget, random: Random) => Promise<void>>> = {
  http: httpLife,
  frames: framesLife,
};

export interface BytesPlan {
  readonly transport: 'uws' | 'ws';
  readonly attack: keyof typeof BYTE_ATTACKS;
  readonly seed: number;
  /** The run ends after this many lives or seconds, whichever comes first. */
  readonly lives: number;
  readonly seconds: number;
}

export interface BytesReport {
  readonly lives: number;
  readonly isAlive: boolean;
  /** The errors that the server logged, and what the engine printed before it aborted the process. */
  readonly errors: string;
  /** Whether the server still answers a client that connected before the attack, and new ones by WebSocket and by HTTP. */
  readonly isServing: boolean;
  readonly memoryMb: readonly [atRest: number, after: number];
}

/** How many lives run at a time: each waits most of the time. */
const AT_ONCE = 48;

/** Sends bytes that no library would send to a server in its own process. A seed repeats the bytes, but not the timing. */
export async function fuzzBytes({ transport, attack, seed, lives, seconds }: BytesPlan): Promise<BytesReport> {
  const server = await ServerChild.start({
    transport,
    journal: false,
    limits: { maxRefusalsPerSecond: 1_000_000_000, maxMessagesPerSecond: 1_000_000 },
  });
  try {
    for (let n = 0; n < 20; n++) server.repository.record('task', `t${String(n)}`, { text: 'x'.repeat(10_000) });
    const controlClient = await RawClient.welcomed(server.endpoint);
    const atRest = memoryMb(server);
    const until = performance.now() + seconds * 1_000;
    let lived = 0;
    const live = BYTE_ATTACKS[attack]!;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (lived < lives && performance.now() < until && server.isAlive()) {
          // Each life has its own random numbers, so that it does not depend on the others.
          await live(server, new Random((seed + Math.imul(lived++, 0x9e3779b1)) >>> 0));
        }
      }),
    );
    const isServing = server.isAlive() && (await controlClient.isAlive()) && (await serves(server));
    controlClient.terminate();
    return {
      lives: lived,
      isAlive: server.isAlive(),
      errors: server.errors,
      isServing,
      memoryMb: [atRest, memoryMb(server)],
    };
  } finally {
    await server.stop();
  }
}

function memoryMb(server: ServerChild): number {
  if (process.platform !== 'linux' || !server.isAlive()) return 0;
  return Math.round(server.memoryBytes() / 1_048_576);
}

async function serves(server: ServerChild): Promise<boolean> {
  const client = await RawClient.welcomed(server.endpoint);
  const isAnswered = await client.isAlive();
  client.terminate();
  const { status } = await ask(server.port, request('GET /healthz', [`Host: 127.0.0.1:${String(server.port)}`]));
  return isAnswered && status === 200;
}
