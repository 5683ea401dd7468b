import t from 'tap';
import { runServed, whyNoPython } from './python.js';

const skip = whyNoPython('websockets') ?? false;

for (const transport of ['uws', 'ws'] as const) {
  t.test(
    `the client for Python, with asyncio and without, agrees with a server on ${transport}`,
    { skip },
    async (t) => {
      const { code, report } = await runServed(['-m', 'unittest', 'test_server', 'test_blocking'], {
        transport,
        heartbeatMs: 100,
      });
      t.equal(code, 0, report);
      t.match(report, /^OK$/m);
    },
  );
}
