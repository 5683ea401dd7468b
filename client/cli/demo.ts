import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PORT } from '../../protocol/index.js';
import { BusServer, type Endpoint } from '../../server/index.js';
import { DemoSwarm } from './demo-swarm.js';
import { Failure } from './failure.js';
import { inspectorUrl, makeLog, startServer, untilSignal } from './serve.js';
import type { Terminal } from './terminal.js';

export interface DemoFlags {
  readonly agents: string;
  readonly port?: string;
}

/** A swarm at work in a temporary repository, served until a signal, then removed. */
export async function demo(flags: DemoFlags, terminal: Terminal): Promise<void> {
  const agents = readCount('--agents', flags.agents, 1, 2_000);
  const port = flags.port === undefined ? undefined : readCount('--port', flags.port, 0, 65_535);
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-demo-'));
  const swarm = new DemoSwarm(root, agents);
  const stopped = untilSignal();
  try {
    const { server, endpoint } = await serveSomewhere(root, port);
    swarm.start();
    terminal.out(introduction(root, agents, endpoint, server.transportName ?? ''));
    await stopped;
    swarm.stop();
    await server.stop();
  } finally {
    swarm.stop();
    await rm(root, { recursive: true, force: true });
  }
  terminal.out(`\nThe demo has ended; ${root} is removed.`);
}

/** On the usual port where it is free, elsewhere where it is not; a port that was named is taken or refused. */
async function serveSomewhere(root: string, port: number | undefined) {
  const log = makeLog('warn');
  const server = new BusServer({ root, port: port ?? DEFAULT_PORT, log });
  try {
    return { server, endpoint: await startServer(server) };
  } catch (error) {
    if (port !== undefined || !(error instanceof Failure)) throw error;
  }
  const elsewhere = new BusServer({ root, port: 0, log });
  return { server: elsewhere, endpoint: await startServer(elsewhere) };
}

function introduction(root: string, agents: number, endpoint: Endpoint, transport: string): string {
  return `
muse-bus demo: ${String(agents)} agents at work in ${root}
served at ${endpoint.url} (${transport})

  Inspector         ${inspectorUrl(endpoint)}
  Second terminal   npx muse-bus watch --root ${root}

Ctrl-C ends the demo and removes the folder.`;
}

function readCount(flag: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new Failure(`${flag} must be a whole number from ${String(low)} to ${String(high)}, got ${text}`);
}
