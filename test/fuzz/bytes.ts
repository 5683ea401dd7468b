import { ask, request } from '../support/http-wire.js';
import { ServerChild } from '../support/server-child.js';
import { framesLife } from './attack-frames.js';
import { httpLife, type BytesTarget } from './attack-http.js';
import { Random } from './random.js';
import { RawClient } from '../support/raw-client.js';

/** One connection of an attacker, from its first byte to its end. */
export const BYTE_ATTACKS: Readonly<Record<string, (target: BytesTarget, random: Random) => Promise<void>>> = {
  http: httpLife,
  frames: framesLife,
};

export interface BytesPlan {
  readonly transport: 'uws' | 'ws';
  readonly attack: keyof typeof BYTE_ATTACKS;
  readonly seed: number;
  /** Ends with the first of both. */
  readonly lives: number;
  readonly seconds: number;
}

export interface BytesReport {
  readonly lives: number;
  readonly isAlive: boolean;
  /** What the server logged as an error, and what an engine said before it ended the process. */
  readonly errors: string;
  /** An honest client that had been there before is still answered, and a new one is, by WebSocket and by HTTP. */
  readonly isServing: boolean;
  readonly memoryMb: readonly [atRest: number, after: number];
}

/** Attackers at once; a life waits most of its time. */
const AT_ONCE = 48;

/** Sends bytes that no library would to a server in a process of its own. A seed repeats what is sent, not how it meets. */
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
          // Of its own, so that one life is the same whatever the others do.
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
