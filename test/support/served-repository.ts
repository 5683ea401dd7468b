import { join } from 'node:path';
import { BusServer, type Endpoint, type ServerOptions } from '../../server/index.js';
import { TemporaryRepository } from './temporary-repository.js';

/** A temporary repository with a bus on a free port. */
export class ServedRepository extends TemporaryRepository {
  readonly server: BusServer;

  constructor(private readonly options: Omit<Partial<ServerOptions>, 'root' | 'port'> = {}) {
    super();
    this.server = new BusServer({ ...options, root: this.root, port: 0 });
  }

  get endpointFile(): string {
    return join(this.bus, 'endpoint.json');
  }

  start(): Promise<Endpoint> {
    return this.server.start();
  }

  /** Starts another bus for the same repository, on a port that may be taken. */
  startOn(port: number): Promise<Endpoint> {
    return new BusServer({ ...this.options, root: this.root, port }).start();
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.dispose();
  }
}
