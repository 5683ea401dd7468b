import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeCertificate } from '../../support/certificate.js';
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

  t.test(`and with TLS on ${transport}`, { skip }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'muse-bus-certificate-'));
    t.teardown(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const { certFile, keyFile } = makeCertificate(directory, 'localhost');
    const options = { transport, tlsCertFile: certFile, tlsKeyFile: keyFile };
    const { code, report } = await runServed(['-m', 'unittest', 'test_tls'], options, {
      env: { MUSE_BUS_TEST_CA: certFile },
    });
    t.equal(code, 0, report);
  });
}
