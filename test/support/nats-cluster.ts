import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort } from './free-port.js';
import { NatsServer } from './nats-server.js';

/** Servers that form a cluster, so that a stream with replicas outlives one of them. */
export class NatsCluster {
  private constructor(private readonly servers: ReadonlyMap<string, NatsServer>) {}

  static async start(size = 3): Promise<NatsCluster> {
    const ports: number[] = [];
    for (let i = 0; i < size; i++) ports.push(await freePort());
    const routes = ports.map((port) => `"nats://127.0.0.1:${String(port)}"`).join(', ');
    const members = ports.map(async (port, i): Promise<[string, NatsServer]> => {
      const name = `n${String(i + 1)}`;
      const cluster = `cluster { name: muse, listen: "127.0.0.1:${String(port)}", routes: [ ${routes} ] }`;
      return [name, await NatsServer.start({ config: `server_name: ${name}\n${cluster}` })];
    });
    return new NatsCluster(new Map(await Promise.all(members)));
  }

  /** All servers, as `--relay` takes them. */
  get url(): string {
    return [...this.servers.values()].map(({ url }) => url).join(',');
  }

  /** @returns the server that leads a stream; `undefined` while there is none. */
  async leaderOf(stream: string): Promise<NatsServer | undefined> {
    const connection = await connect({ servers: this.url.split(','), maxReconnectAttempts: 0 });
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false });
      const { cluster } = await manager.streams.info(stream);
      return this.servers.get(cluster?.leader ?? '');
    } finally {
      await connection.close();
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.dispose()));
  }
}
