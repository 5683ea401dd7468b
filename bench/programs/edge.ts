import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EdgeServer, type RelayOptions } from '../../server/index.js';
import { runProgram } from '../program.js';

/** Runs an edge as a server, on a free port. `startedMs` is the time from connecting to NATS until clients are accepted. */
await runProgram(async (relay: RelayOptions) => {
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-bench-'));
  const endpointFile = join(folder, 'edge.json');
  const began = performance.now();
  const server = new EdgeServer({ relay, endpointFile, port: 0 });
  const { url, token } = await server.start();
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const ready = { url, token, startedMs: performance.now() - began };
  return { ready, calls: { revision: () => server.bus.hub.revision, epoch: () => server.bus.hub.epoch }, stop };
});
