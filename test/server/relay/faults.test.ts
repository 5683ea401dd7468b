import t, { type Test } from 'tap';
import { MessageType } from '../../../protocol/index.js';
import { withoutNats } from '../../support/nats-server.js';
import { NetworkNamespace, withoutNamespaces } from '../../support/network-namespace.js';
import { until } from '../../support/until.js';
import { RelaySwarm, type SwarmOptions } from './support/relay-swarm.js';

/** Runs the history checker over an origin and three edges, each in its own process, during a fault. */
function faultTest(name: string, run: (swarm: RelaySwarm, t: Test) => Promise<void>, options: SwarmOptions = {}): void {
  t.test(name, { skip: withoutNats, timeout: 60_000 }, async (t) => {
    await withSwarm(t, options, (swarm) => run(swarm, t));
  });
}

async function withSwarm(t: Test, options: SwarmOptions, run: (swarm: RelaySwarm) => Promise<void>): Promise<void> {
  const swarm = await RelaySwarm.start(options);
  t.teardown(() => swarm.dispose());
  swarm.workload.steps(60);
  swarm.populate();
  await run(swarm);
  const { events, marks } = await swarm.settle();
  t.ok(events > 100 && marks > 0, `judged over ${String(events)} events and ${String(marks)} marks`);
}

const isLive = (swarm: RelaySwarm): Promise<void> =>
  until('all clients are live', () => swarm.observers.every((observer) => observer.isLive));

faultTest('NATS is killed and comes back: the events of the outage arrive once and in order', async (swarm, t) => {
  await isLive(swarm);
  await swarm.workload.keepUp(100);
  await swarm.nats.stop('SIGKILL');
  await swarm.workload.keepUp(200);
  const { entries } = swarm.observer('origin');
  await until("the origin's own clients receive events while NATS is away", () => entries.length > 100);
  await swarm.nats.start();
  await swarm.workload.keepUp(100);
  await swarm.settle();
  t.equal(swarm.observer('edge-1').resyncs, 0, 'the clients of the edge received no resync');
});

faultTest('NATS comes back empty: the origin begins its stream again, and so do all edges', async (swarm) => {
  await isLive(swarm);
  await swarm.workload.keepUp(60);
  await swarm.barrier();
  await swarm.nats.stop();
  swarm.nats.forget();
  await swarm.workload.keepUp(60);
  await swarm.nats.start();
  await swarm.workload.keepUp(60);
});

faultTest('the origin ends, or dies, and comes back: edges report it', async (swarm, t) => {
  await isLive(swarm);
  await swarm.workload.keepUp(100);
  await swarm.barrier();
  const edge = swarm.observer('edge-0');
  const heard = listenAt(swarm, edge.name);
  await until('a heartbeat reports the origin as present', () => heard.includes('present'));
  await swarm.origin.kill('SIGTERM');
  await until('a heartbeat reports the origin as away', () => heard.includes('away'));
  swarm.workload.steps(50);
  swarm.origin.start();
  heard.length = 0;
  await until('a heartbeat reports the origin as present again', () => heard.includes('present'));
  await swarm.workload.keepUp(50);
  await swarm.settle();
  t.equal(edge.resyncs, 0, 'its journal has gone on');
});

faultTest(
  'a busy origin is killed, and takes from the stream what its journal has lost',
  async (swarm, t) => {
    await isLive(swarm);
    const edges = swarm.observers.filter(({ name }) => name !== 'origin');
    const edge = swarm.observer('edge-0');
    for (let round = 1; round <= 2; round++) {
      // It is killed between two batches of its journal.
      const told = edge.entries.length;
      await swarm.workload.keepUp(60);
      await until('an edge has events of it', () => edge.entries.length > told + 10);
      swarm.workload.steps(20);
      await swarm.origin.kill('SIGKILL');
      swarm.workload.steps(30);
      swarm.origin.start();
      await swarm.origin.untilServing();
      await swarm.workload.keepUp(40);
      await swarm.settle();
    }
    t.strictSame(
      edges.filter(({ resyncs }) => resyncs > 0).map(({ name }) => name),
      [],
      'no client of an edge has received a resync',
    );
    t.ok(
      swarm.origin.log.some((line) => line.includes('the stream continues the journal')),
      'and the journal had lost something',
    );
  },
  { edges: 1 },
);

faultTest(
  'the origin comes back without a journal: a new epoch, and all edges begin again',
  async (swarm, t) => {
    await isLive(swarm);
    await swarm.workload.keepUp(60);
    await swarm.barrier();
    await swarm.origin.kill('SIGTERM');
    swarm.workload.steps(30);
    swarm.origin.start();
    await swarm.origin.untilServing();
    await swarm.workload.keepUp(60);
    // Until an edge has read the new epoch, it answers a barrier for the old one.
    const edges = swarm.observers.filter(({ name }) => name.startsWith('edge-'));
    await until('everybody is told to begin anew', () => edges.every(({ resyncs }) => resyncs > 0));
    t.ok(edges.length >= 3, 'at every edge');
    await swarm.settle();
  },
  { origin: ['--no-journal'] },
);

faultTest('an edge is killed: a cursor of one edge resumes at another', async (swarm, t) => {
  await isLive(swarm);
  await swarm.workload.keepUp(60);
  const roaming = swarm.observer('roaming');
  for (let round = 0; round < 4; round++) {
    await until('it is live', () => roaming.isLive);
    roaming.cut();
    await swarm.workload.keepUp(40);
  }
  await swarm.edges[1]!.kill();
  await swarm.workload.keepUp(60);
  swarm.edges[1]!.start();
  await swarm.workload.keepUp(60);
  await swarm.settle();
  t.ok(roaming.connections >= 5, 'it has been at several edges');
  t.equal(roaming.resyncs, 0, 'each of them went on where the other had ended');
  t.equal(swarm.observer('edge-1').resyncs, 0, 'one that was away reads the history back');
});

faultTest(
  'the stream is trimmed past the position of an edge: the edge begins again from a new base',
  async (swarm, t) => {
    await isLive(swarm);
    await swarm.workload.keepUp(60);
    await swarm.barrier();
    const stopped = swarm.edges[2]!.command!;
    stopped.kill('SIGSTOP');
    // Its connection breaks, so no message from here on is queued for it.
    await swarm.nats.stop();
    await swarm.nats.start();
    await swarm.workload.keepUp(1_500, 50);
    await swarm.barrier();
    stopped.kill('SIGCONT');
    await until('it has noticed', () => stopped.errors.filter((line) => line.includes('serving what')).length > 1);
    await swarm.settle();
    t.ok(swarm.observer('edge-2').resyncs > 0, 'and its clients received a resync');
  },
  { origin: ['--relay-max-messages', '400'] },
);

t.test(
  'a partition that drops packets silently, between NATS and the origin, then NATS and an edge',
  { skip: withoutNats || withoutNamespaces, timeout: 60_000 },
  async (t) => {
    const network = new NetworkNamespace();
    t.teardown(() => {
      network.dispose();
    });
    const [origins, firsts, others] = [network.cable(), network.cable(), network.cable()] as const;
    const natsAt = (member: number): string => [origins, firsts][member]?.address ?? others.address;
    const nats = { under: network.under, host: others.address };
    await withSwarm(t, { nats, natsAt }, async (swarm) => {
      await isLive(swarm);
      await swarm.workload.keepUp(60);
      await swarm.barrier();
      const heard = listenAt(swarm, 'edge-0');
      for (const cable of [firsts, origins]) {
        cable.cut();
        await until('a heartbeat reports the origin as away', () => heard.at(-1) === 'away');
        await swarm.workload.keepUp(100);
        cable.mend();
        await until('a heartbeat reports the origin as present again', () => heard.at(-1) === 'present');
      }
      await swarm.settle();
      t.equal(swarm.observer('edge-0').resyncs, 0, 'the clients of the edge received no resync');
    });
  },
);

/** Returns the states of the origin in the heartbeats that a client of an edge receives. */
function listenAt(swarm: RelaySwarm, name: string): unknown[] {
  const heard: unknown[] = [];
  swarm.observer(name).onMessage = (message) => {
    if (message[0] === MessageType.heartbeat) heard.push((message[3] as { origin?: unknown }).origin);
  };
  return heard;
}
