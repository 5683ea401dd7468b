import t from 'tap';
import { withoutNats } from '../../support/nats-server.js';
import { RelaySwarm } from '../../server/relay/support/relay-swarm.js';
import { PACKAGE, PYTHON, run, whyNoPython } from './python.js';

const skip = whyNoPython('websockets') ?? withoutNats;

t.test(
  'the client for Python agrees with an edge as with the server that has the files',
  { skip, timeout: 60_000 },
  async (t) => {
    const swarm = await RelaySwarm.start({ edges: 1 });
    t.teardown(() => swarm.dispose());
    const env = {
      PYTHONPATH: PACKAGE,
      MUSE_BUS_TEST_ROOT: swarm.repository.root,
      MUSE_BUS_TEST_EDGE: swarm.edges[0]!.endpointFile,
    };
    const { code, report } = await run(['-m', 'unittest', 'test_server.AgainstAServer'], PYTHON, env);
    t.equal(code, 0, report);
    t.match(report, /^OK \(skipped=2\)$/m);
  },
);
