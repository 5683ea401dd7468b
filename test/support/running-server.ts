import type { Test } from 'tap';
import { BusServer, type Endpoint, type Log, type ServerOptions } from '../../server/index.js';
import { Repository } from './repository-on-disk.js';

export const TRANSPORTS = ['uws', 'ws'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** A log that keeps its lines: level, message, fields as JSON. */
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

/** A running server with its own repository. Both end with the test. */
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
