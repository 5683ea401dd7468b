import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAbort } from '../cleanup.js';
import type { CountedSource } from '../clients/wire-formats.js';
import { Command, freePort } from '../command.js';
import { commandPath } from '../installed.js';

/** A message broker as its package installs it, with WebSocket enabled and its limits raised. */
export interface Broker {
  readonly source: CountedSource;
  /** The port for publishers, over plain TCP. */
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Recipe {
  readonly command: string;
  readonly speaks: 'nats' | 'mqtt';
  readonly path: string;
  config(port: number, webSocketPort: number): string;
}

const NATS: Recipe = {
  command: 'nats-server',
  speaks: 'nats',
  path: '/',
  config: (port, webSocketPort) =>
    `listen: "127.0.0.1:${String(port)}"\nmax_pending: 1GB\n` +
    `websocket { listen: "127.0.0.1:${String(webSocketPort)}", no_tls: true }\n`,
};

const MOSQUITTO: Recipe = {
  command: 'mosquitto',
  speaks: 'mqtt',
  path: '/mqtt',
  config: (port, webSocketPort) =>
    `allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\nlistener ${String(port)} 127.0.0.1\n` +
    `listener ${String(webSocketPort)} 127.0.0.1\nprotocol websockets\n`,
};

async function startBroker(recipe: Recipe): Promise<Broker> {
  const command = commandPath(recipe.command);
  const folder = mkdtempSync(join(tmpdir(), 'muse-bus-bench-broker-'));
  const removed = onAbort(() => rmSync(folder, { recursive: true, force: true }));
  const [port, webSocketPort] = [await freePort(), await freePort()];
  const file = join(folder, 'broker.conf');
  writeFileSync(file, recipe.config(port, webSocketPort));
  const running = await Command.start(command, ['-c', file], [port, webSocketPort]);
  const stop = async (): Promise<void> => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
    removed();
  };
  const url = `ws://127.0.0.1:${String(webSocketPort)}${recipe.path}`;
  return { source: { is: recipe.speaks, url }, port, pid: running.pid, stop };
}

export const startNats = (): Promise<Broker> => startBroker(NATS);
export const startMosquitto = (): Promise<Broker> => startBroker(MOSQUITTO);
