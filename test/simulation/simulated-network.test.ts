import t from 'tap';
import type { Listening } from './machine/simulated-network.js';
import { SeededRandom } from './machine/seeded-random.js';
import { SimulatedNetwork } from './machine/simulated-network.js';
import { SimulatedHost, SimulatedProcess } from './machine/simulated-process.js';
import { SimulatedTime } from './machine/simulated-time.js';

t.test(
  'nothing is left of a connection that its client closed while its server was stopped and then killed',
  async (t) => {
    const time = new SimulatedTime();
    const host = new SimulatedHost(time);
    const crashed = (_process: SimulatedProcess, error: unknown): void => {
      throw error;
    };
    const server = new SimulatedProcess('server', host, crashed);
    const client = new SimulatedProcess('client', host, crashed);
    const network = new SimulatedNetwork(time, new SeededRandom(1));
    const connection = { message: () => undefined, drained: () => undefined, closed: () => undefined };
    network.listening = { process: server, attach: () => connection } as unknown as Listening;
    const channel = network.dialFor(client)({ message: () => undefined, closed: () => undefined });
    await time.run(5);
    t.equal(network.openCount, 1);
    server.stop();
    channel.close();
    await time.run(10);
    server.kill();
    network.serverEnded(server);
    await time.run(20);
    t.equal(network.openCount, 0);
  },
);
