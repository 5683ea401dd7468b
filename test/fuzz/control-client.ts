import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { MessageType, packMessage, SUBPROTOCOLS, unpackMessage } from '../../protocol/index.js';
import type { Target } from './attack-wire.js';

/** What the control client measured during an attack. Times are from the rename to the event, in milliseconds. */
export interface Testimony {
  readonly written: number;
  /** How many of its own records it received as events. */
  readonly seen: number;
  /** Events that arrived twice, or whose revision was not greater than the one before. */
  readonly astray: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  readonly disconnected: boolean;
}

const EVERY_MS = 20;
const LAST_EVENTS_MS = 20_000;

/** A normal client, which writes a record every 20 ms and subscribes to these records. */
export class ControlClient {
  readonly #writtenAt: number[] = [];
  readonly #delays: number[] = [];
  readonly #seen = new Set<number>();
  #revision = 0;
  #astray = 0;
  #disconnected = false;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly root: string,
    private readonly target: Target,
  ) {}

  async start(): Promise<void> {
    const { url, token } = this.target;
    const socket = new WebSocket(url, [SUBPROTOCOLS.msgpack], { headers: { authorization: `Bearer ${token}` } });
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => (this.#disconnected = true));
    const synced = new Promise<void>((resolve) => {
      socket.on('message', (payload: Buffer) => {
        const message = unpackMessage(payload) as unknown[];
        if (message[0] === MessageType.synced) resolve();
        if (message[0] === MessageType.events) this.#see(message[3] as unknown[][]);
      });
    });
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(packMessage([1, 1, { snapshot: 'none', filter: { kinds: ['claim'] } }]));
    await synced;
    this.#timer = setInterval(() => {
      this.#write();
    }, EVERY_MS);
  }

  async stop(): Promise<Testimony> {
    clearInterval(this.#timer);
    const deadline = performance.now() + LAST_EVENTS_MS;
    while (this.#seen.size < this.#writtenAt.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const disconnected = this.#disconnected;
    this.#socket?.terminate();
    const sorted = [...this.#delays].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
    return {
      written: this.#writtenAt.length,
      seen: this.#seen.size,
      astray: this.#astray,
      p50: at(0.5),
      p99: at(0.99),
      worst: at(1),
      disconnected,
    };
  }

  #write(): void {
    const directory = join(this.root, '.muse', 'coordination', 'claims');
    const number = this.#writtenAt.length;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'beat.tmp'), JSON.stringify({ number }));
    this.#writtenAt.push(performance.now());
    renameSync(join(directory, 'beat.tmp'), join(directory, `beat-${String(number)}.json`));
  }

  #see(events: readonly unknown[][]): void {
    for (const [revision, type, , , , data] of events as [number, number, number, string, number, unknown][]) {
      if (type !== 1) continue;
      const { number } = data as { number: number };
      if (revision <= this.#revision || this.#seen.has(number)) this.#astray++;
      this.#revision = revision;
      this.#seen.add(number);
      this.#delays.push(performance.now() - this.#writtenAt[number]!);
    }
  }
}
