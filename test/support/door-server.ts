import { once } from 'node:events';
import type { Test } from 'tap';
import WebSocket from 'ws';
import { packMessage, SUBPROTOCOLS, type Encoding } from '../../protocol/index.js';
import { BusServer, type Endpoint, type Log, type ServerOptions } from '../../server/index.js';
import { Repository } from './door-repository.js';

export const TRANSPORTS = ['uws', 'ws'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** What the server has logged, line by line as JSON. */
export class LogLines implements Log {
  readonly lines: string[] = [];
  readonly debug = this.#take('debug');
  readonly info = this.#take('info');
  readonly warn = this.#take('warn');
  readonly error = this.#take('error');

  has(...parts: readonly string[]): boolean {
    return this.lines.some((line) => parts.every((part) => line.includes(part)));
  }

  #take(level: string) {
    return (fields: object, message: string): void => {
      const written = Object.entries(fields).map(([name, value]) => [
        name,
        value instanceof Error ? value.stack : (value as unknown),
      ]);
      this.lines.push(`${level} ${message} ${JSON.stringify(Object.fromEntries(written))}`);
    };
  }
}

/** A running server on a repository of its own, stopped and removed with the test. */
export interface Running {
  readonly server: BusServer;
  readonly endpoint: Endpoint;
  readonly port: number;
  readonly token: string;
  readonly repository: Repository;
  readonly log: LogLines;
}

export async function serve(
  t: Test,
  options: Omit<ServerOptions, 'root' | 'log'> = {},
  prepared?: Repository,
): Promise<Running> {
  const repository = prepared ?? new Repository();
  const log = new LogLines();
  const server = new BusServer({ port: 0, settleMs: 60, ...options, root: repository.root, log });
  t.teardown(async () => {
    await server.stop();
    repository.destroy();
  });
  const endpoint = await server.start();
  return { server, endpoint, port: Number(new URL(endpoint.url).port), token: endpoint.token, repository, log };
}

/** Asks again until it is so; fails the test where it never is. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A client that keeps what it is told, and sends anything. */
export class RawClient {
  readonly messages: unknown[][] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(
    readonly socket: WebSocket,
    private readonly encoding: Encoding,
  ) {}

  static async connect(
    { endpoint }: { readonly endpoint: Pick<Endpoint, 'url' | 'token'> },
    encoding: Encoding = 'msgpack',
  ): Promise<RawClient> {
    const socket = new WebSocket(endpoint.url, [SUBPROTOCOLS[encoding]], {
      headers: { authorization: `Bearer ${endpoint.token}` },
      rejectUnauthorized: false,
    });
    const client = new RawClient(socket, encoding);
    socket.on('message', (payload: Buffer) => {
      client.messages.push(decode(encoding, payload));
    });
    socket.on('close', (code, reason) => (client.closed = { code, reason: reason.toString() }));
    socket.on('error', () => undefined);
    await once(socket, 'open');
    await client.next(16);
    return client;
  }

  say(message: unknown): void {
    if (this.encoding === 'json') this.socket.send(JSON.stringify(message));
    else this.socket.send(packMessage(message));
  }

  raw(payload: Uint8Array | string): void {
    this.socket.send(payload, { binary: typeof payload !== 'string' });
  }

  /** The first message of a type that has come or comes. */
  next(type: number, passes: (message: unknown[]) => boolean = () => true): Promise<unknown[]> {
    return eventually(`message ${String(type)}`, () =>
      this.messages.find((message) => message[0] === type && passes(message)),
    );
  }

  /** The answer to a message that is refused: `[23, sub, code, text]`. */
  async refusal(payload: Uint8Array | string): Promise<unknown[]> {
    const before = this.messages.filter(([type]) => type === 23).length;
    this.raw(payload);
    return eventually('a refusal', () => this.messages.filter(([type]) => type === 23)[before]);
  }

  /** Whether the connection still answers. */
  async isAlive(): Promise<boolean> {
    const nonce = Math.floor(Math.random() * 2 ** 32);
    this.say([4, nonce]);
    const answer = await eventually('a pong, or the end', () =>
      this.closed ? 'closed' : this.messages.some(([type, n]) => type === 25 && n === nonce) && 'pong',
    );
    return answer === 'pong';
  }

  close(): void {
    this.socket.terminate();
  }
}

import { unpackMessage } from '../../protocol/index.js';

function decode(encoding: Encoding, payload: Buffer): unknown[] {
  return (encoding === 'json' ? JSON.parse(payload.toString()) : unpackMessage(payload)) as unknown[];
}
