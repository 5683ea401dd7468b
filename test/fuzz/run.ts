import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { buildSync } from 'esbuild';
import WebSocket from 'ws';
import {
  isOfContent,
  KINDS,
  MessageType,
  packMessage,
  type Problem,
  SUBPROTOCOLS,
  unpackMessage,
} from '../../protocol/index.js';
import { Repository } from '../support/repository-on-disk.js';
import type { Sent, Target } from './attack-wire.js';
import { ControlClient, type Testimony } from './control-client.js';
import type { Lateness } from './lag-probe.js';
import { lookAtDisk } from './converged.js';

export interface FuzzPlan {
  readonly messages: number;
  readonly files: number;
  readonly seed: number;
  readonly transport: 'uws' | 'ws';
  /** Events that the server keeps for replay. With few of them, growing memory is a leak. */
  readonly historyEvents?: number;
}

export interface FuzzReport {
  readonly sent: Sent;
  readonly files: number;
  readonly controlClient: Testimony;
  /** The errors that the server logged: exceptions that no input may cause. */
  readonly errors: readonly string[];
  readonly serverDied: boolean;
  /** Records that the server serves with another state than the one on disk. */
  readonly differences: readonly string[];
  /** The server's resident memory in MiB, at twenty moments evenly over the run. If it does not level off, there is a leak. */
  readonly memoryMb: readonly number[];
  /** How late timers fire in a process that does nothing else: the machine's own share of the control client's delays. */
  readonly machine: Lateness;
  readonly seconds: number;
}

/** The messages of a role to its parent process. */
export type RoleWord =
  | { readonly is: 'serving'; readonly target: Target }
  | { readonly is: 'error'; readonly line: string }
  | { readonly is: 'memory'; readonly megabytes: number }
  | { readonly is: 'woken'; readonly lateness: Lateness }
  | { readonly is: 'sent'; readonly sent: Sent }
  | { readonly is: 'written' };

/** The roles are bundled, so that their processes start at once and need no loader. */
const ROLE = resolve('.build/fuzz/role.js');
const SETTLE_MS = 30_000;

/** Runs a server, an attacker that sends messages and one that writes files, each in its own process, beside a control client. */
export async function fuzz(plan: FuzzPlan): Promise<FuzzReport> {
  buildSync({
    entryPoints: [resolve('test/fuzz/role.ts')],
    outfile: ROLE,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
  const repository = new Repository();
  const began = performance.now();
  const errors: string[] = [];
  const memory: number[] = [];
  let lagProbe: ChildProcess | undefined;
  const server = role('server', repository.root, plan.transport, String(plan.historyEvents ?? 100_000));
  server.on('message', (word: RoleWord) => {
    if (word.is === 'error') errors.push(word.line);
    if (word.is === 'memory') memory.push(word.megabytes);
  });
  try {
    const { target } = await received(server, 'serving');
    const controlClient = new ControlClient(repository.root, target);
    await controlClient.start();
    lagProbe = role('lagProbe');
    const wire = role('wire', JSON.stringify(target), String(plan.messages), String(plan.seed));
    const files = role('files', repository.root, String(plan.files), String(plan.seed));
    const [{ sent }] = await Promise.all([received(wire, 'sent'), received(files, 'written')]);
    const testimony = await controlClient.stop();
    lagProbe.send('how late?');
    const { lateness } = await received(lagProbe, 'woken');
    const differences = server.connected ? await differencesOf(repository.root, target) : ['the server has ended'];
    return {
      sent,
      files: plan.files,
      controlClient: testimony,
      errors,
      serverDied: server.exitCode !== null || server.signalCode !== null,
      differences,
      memoryMb: Array.from({ length: 20 }, (_, i) => memory[Math.floor((memory.length * i) / 20)] ?? 0),
      machine: lateness,
      seconds: (performance.now() - began) / 1_000,
    };
  } finally {
    lagProbe?.kill();
    server.kill('SIGKILL');
    await once(server, 'exit');
    repository.destroy();
  }
}

const role = (...args: string[]): ChildProcess =>
  fork(ROLE, args, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

function received<Is extends RoleWord['is']>(child: ChildProcess, is: Is): Promise<Extract<RoleWord, { is: Is }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (word: RoleWord) => {
      if (word.is === is) resolve(word as Extract<RoleWord, { is: Is }>);
    });
    child.once('exit', (code, signal) => {
      reject(new Error(`the process ended with ${String(code ?? signal)} before it sent ${is}`));
    });
  });
}

/** Compares the server with the disk until nothing differs, for at most 30 s. @returns the differences */
async function differencesOf(root: string, target: Target): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const onDisk = lookAtDisk(root);
    const served = await snapshot(target);
    const names = new Set([...onDisk.keys(), ...served.keys()]);
    const differing = [...names].filter((name) => onDisk.get(name) !== served.get(name));
    if (differing.length === 0 || performance.now() > deadline) {
      return differing.map((name) => `${name}: disk ${String(onDisk.get(name))}, bus ${String(served.get(name))}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function snapshot({ url, token }: Target): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const socket = new WebSocket(url, [SUBPROTOCOLS.msgpack], { headers: { authorization: `Bearer ${token}` } });
  socket.once('open', () => {
    socket.send(packMessage([1, 1, {}]));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.on('message', (payload: Buffer) => {
      const [type, , , events] = unpackMessage(payload) as [number, number, number, unknown[][]];
      if (type === MessageType.synced) resolve();
      if (type !== MessageType.batch) return;
      for (const [, , kind, id, , data, , problem] of events) {
        const isBroken = problem != null && !isOfContent(problem as Problem);
        found.set(`${KINDS[kind as number]!}/${id as string}`, isBroken ? 'broken' : JSON.stringify(data));
      }
    });
  });
  socket.terminate();
  return found;
}
