import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../../client/sdk/index.js';
import { EdgeServer } from '../../../server/index.js';
import { NatsCluster } from '../../support/nats-cluster.js';
import { withoutNats } from '../../support/nats-server.js';
import { ServedRepository } from '../../support/served-repository.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { until } from '../../support/until.js';

/** What a client of an edge was told, in order. */
interface Told {
  readonly revisions: number[];
  readonly others: string[];
}

t.test(
  'the leader of a stream with three replicas is killed, and clients of edges miss nothing, get nothing twice and no resync',
  { skip: withoutNats, timeout: 60_000 },
  async (t) => {
    const cluster = await NatsCluster.start();
    t.teardown(() => cluster.dispose());
    const relay = { url: cluster.url, limits: { replicas: 3 } };
    const origin = new ServedRepository({ relay, heartbeatMs: 100 });
    await origin.start();
    t.teardown(() => origin.stop());
    const told: Told[] = [];
    for (let i = 0; i < 2; i++) {
      const edge = new EdgeServer({
        relay: { url: cluster.url, publicKeys: [origin.server.bus.relay!.publicKey!] },
        endpointFile: join(temporaryDirectory(t), 'edge.json'),
        port: 0,
      });
      t.teardown(() => edge.stop());
      await edge.start();
      const bus = await connect(edge.endpoint);
      t.teardown(() => bus.close());
      const one: Told = { revisions: [], others: [] };
      told.push(one);
      const updates = bus.subscribe().updates();
      void (async () => {
        for await (const update of updates) {
          if (update.type === 'event') one.revisions.push(update.event.revision);
          else one.others.push(update.type);
        }
      })();
    }
    let written = 0;
    const write = (): void => {
      origin.rename('task', `t${String(written++ % 20)}`, { n: written });
    };
    const writing = setInterval(write, 20);
    const haveSome = (count: number): boolean => told.every(({ revisions }) => revisions.length >= count);
    await until('clients are told of changes', () => haveSome(10));
    const leader = await cluster.leaderOf('MUSE_default');
    await leader!.stop();
    const killedAt = origin.server.bus.hub.revision;
    await until('what came after the death is told, too', () => haveSome(killedAt + 20), 40_000);
    clearInterval(writing);
    const last = await (async () => {
      await origin.server.bus.readNow();
      return origin.server.bus.hub.revision;
    })();
    await until('and all of it', () => told.every(({ revisions }) => revisions.at(-1) === last));
    for (const { revisions, others } of told) {
      const missing = revisions.filter((revision, i) => i > 0 && revision !== revisions[i - 1]! + 1);
      t.strictSame(missing, []);
      t.strictSame(others, ['synced']);
    }
  },
);
