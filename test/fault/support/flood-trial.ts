import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { MessageType, packMessage, unpackMessage } from '../../../protocol/index.js';
import { ask, request } from '../../support/http-wire.js';
import type { TemporaryRepository } from '../../support/temporary-repository.js';
import type { BusProcess } from './bus-process.js';
import { pause } from './fault-run.js';
import type { Flood } from './floods.js';

const ATTACKER = fileURLToPath(new URL('./flood-main.js', import.meta.url));
/** The pause between two requests of the honest client. */
const EVERY_MS = 5;

/** How long an honest client waited for its answers, in milliseconds. */
export interface Waits {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** The most memory of the server in the meantime. */
  readonly memoryMb: number;
}

/**
 * An honest client of a bus. On an open connection it sends pings, and receives events for the files that it writes. It also sends
 * HTTP requests and opens WebSockets on new connections. It makes one request after the other, and records how long each took.
 */
export class HonestClient {
  readonly #socket: WebSocket;
  readonly #answers = new Map<string, () => void>();
  #n = 0;

  private constructor(
    private readonly bus: BusProcess,
    private readonly repository: TemporaryRepository,
  ) {
    this.#socket = this.#dial();
    this.#socket.on('message', (payload: Buffer) => {
      const message = unpackMessage(payload) as [number, number, number, unknown[][]];
      if (message[0] === MessageType.pong) this.#answers.get(`pong ${String(message[1])}`)?.();
      if (message[0] !== MessageType.events) return;
      for (const event of message[3]) this.#answers.get(`event ${String((event[5] as { n: number }).n)}`)?.();
    });
  }

  static async connect(bus: BusProcess, repository: TemporaryRepository): Promise<HonestClient> {
    const honest = new HonestClient(bus, repository);
    await once(honest.#socket, 'open');
    honest.#socket.send(packMessage([1, 1, { snapshot: 'none', filter: { kinds: ['claim'] } }]));
    await pause(50);
    return honest;
  }

  async measure(ms: number): Promise<Waits> {
    const waits: number[] = [];
    let memory = 0;
    const kinds = [() => this.#ping(), () => this.#event(), () => this.#request(), () => this.#newConnection()];
    const until = performance.now() + ms;
    for (let turn = 0; performance.now() < until; turn++) {
      const began = performance.now();
      await kinds[turn % kinds.length]!();
      waits.push(performance.now() - began);
      if (turn % 20 === 0) memory = Math.max(memory, (await this.bus.ask()).ownMemory);
      await pause(EVERY_MS);
    }
    waits.sort((a, b) => a - b);
    const at = (share: number): number => waits[Math.floor(share * (waits.length - 1))] ?? Infinity;
    return { count: waits.length, p50: at(0.5), p99: at(0.99), longest: at(1), memoryMb: memory / 1_048_576 };
  }

  close(): void {
    this.#socket.terminate();
  }

  get #port(): number {
    return Number(new URL(this.bus.endpoint.url).port);
  }

  #dial(): WebSocket {
    const { url, token } = this.bus.endpoint;
    const socket = new WebSocket(url, ['muse-bus.v1.msgpack'], { headers: { authorization: `Bearer ${token}` } });
    socket.on('error', () => undefined);
    return socket;
  }

  #answered(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        reject(new Error(`the honest client received no ${what} within 30 s`));
      }, 30_000);
      this.#answers.set(what, () => {
        clearTimeout(timeout);
        this.#answers.delete(what);
        resolve();
      });
    });
  }

  async #ping(): Promise<void> {
    const n = this.#n++;
    const answered = this.#answered(`pong ${String(n)}`);
    this.#socket.send(packMessage([4, n]));
    await answered;
  }

  async #event(): Promise<void> {
    const n = this.#n++;
    const answered = this.#answered(`event ${String(n)}`);
    this.repository.rename('claim', `c${String(n % 10)}`, { n });
    await answered;
  }

  async #request(): Promise<void> {
    const { status } = await ask(this.#port, request('GET /healthz', [`Host: 127.0.0.1:${String(this.#port)}`]));
    if (status !== 200) throw new Error(`the honest client received status ${String(status)}`);
  }

  async #newConnection(): Promise<void> {
    const socket = this.#dial();
    await Promise.race([
      once(socket, 'message'),
      once(socket, 'close').then(() => Promise.reject(new Error('the server refused the honest client'))),
    ]);
    socket.terminate();
  }
}

/** Measures an honest client during a flood. */
export async function underFlood(flood: Flood, bus: BusProcess, honest: HonestClient, ms: number): Promise<Waits> {
  const { url, token } = bus.endpoint;
  const target = JSON.stringify({ port: Number(new URL(url).port), token });
  const attacker = spawn(process.execPath, [ATTACKER, flood.name, target, String(ms + 1_500)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(attacker, 'exit');
  // The flood needs time to start.
  await pause(Math.min(800, ms));
  try {
    return await honest.measure(ms);
  } finally {
    attacker.kill('SIGKILL');
    await ended;
    await pause(Math.min(200, ms));
  }
}
