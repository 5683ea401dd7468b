import { readFileSync, rmSync } from 'node:fs';
import { VERSION } from '../protocol/index.js';
import { replaceFile } from './private-file.js';

/** What is written to `.muse/bus/endpoint.json`: where a bus is and how to be let in. */
export interface Endpoint {
  /** Of the WebSocket; the HTTP surface is at the same place. */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly version: string;
  /** ISO 8601 UTC. */
  readonly started_at: string;
}

/** The file in which a server says how it is reached. */
export class EndpointFile {
  constructor(readonly path: string) {}

  publish(url: string, token: string, startedAt: Date): Endpoint {
    const endpoint = { url, token, pid: process.pid, version: VERSION, started_at: startedAt.toISOString() };
    replaceFile(this.path, `${JSON.stringify(endpoint, null, 2)}\n`);
    return endpoint;
  }

  /** Removes the endpoint, if it is still this process's. */
  unpublish(): void {
    if (this.#read()?.pid === process.pid) this.withdraw();
  }

  /** Removes whatever endpoint is there. */
  withdraw(): void {
    rmSync(this.path, { force: true });
  }

  /** Who says that it serves; `undefined` where nobody does. */
  holder(): Pick<Endpoint, 'url' | 'pid'> | undefined {
    const { url, pid } = this.#read() ?? {};
    return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined;
  }

  /** @returns `undefined` where there is none, or none that can be read. */
  #read(): Partial<Endpoint> | undefined {
    try {
      return (JSON.parse(readFileSync(this.path, 'utf8')) as Partial<Endpoint> | null) ?? undefined;
    } catch {
      return undefined;
    }
  }
}
