import { join } from 'node:path';
import type { Test } from 'tap';
import { EdgeServer, type EdgeOptions, type RelayOptions } from '../../server/index.js';
import { NatsServer, type NatsServerOptions } from './nats-server.js';
import { ServedRepository } from './served-repository.js';
import { temporaryDirectory } from './temporary-directory.js';

/** Each of these starts one part of a relay, and ends it with the test. */
export async function natsFor(t: Test, options: NatsServerOptions = {}): Promise<NatsServer> {
  const nats = await NatsServer.start(options);
  t.teardown(() => nats.dispose());
  return nats;
}

export async function originFor(t: Test, relay: RelayOptions): Promise<ServedRepository> {
  const repository = new ServedRepository({ relay, heartbeatMs: 100 });
  await repository.start();
  t.teardown(() => repository.stop());
  return repository;
}

export async function edgeFor(t: Test, relay: RelayOptions, options: Partial<EdgeOptions> = {}): Promise<EdgeServer> {
  const edge = new EdgeServer({ relay, endpointFile: join(temporaryDirectory(t), 'edge.json'), port: 0, ...options });
  t.teardown(() => edge.stop());
  await edge.start();
  return edge;
}
