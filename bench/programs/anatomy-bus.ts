import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { ServerOptions } from '../../server/index.js';
import { monotonicMs } from '../monotonic.js';
import { runProgram } from '../program.js';

/** When one event reached each stage, milliseconds of {@link monotonicMs}. */
export interface Stamps {
  readonly id: string;
  /** The first notification of the rename, under the temporary name or the final one. */
  readonly hintedAt: number;
  readonly namedAt: number;
  openedAt?: number;
  closedAt?: number;
  committedAt?: number;
  sendingAt?: number;
  sentAt?: number;
}

/** Two notifications of one rename come together. Those of the temporary file's making are older. */
const TOGETHER_MS = 1;

const all: Stamps[] = [];
let current: Stamps | undefined;
let otherAt = -Infinity;

const { watch, openSync, closeSync } = fs;
// The builtin modules are replaced before the server imports them.
Object.assign(fs, {
  watch: (path: string, options: fs.WatchOptions, listener: (type: string, name: string | null) => void) =>
    watch(path, options, (type, name) => {
      note(String(name));
      listener(type, name);
    }),
  // Later versions of Node load modules through it, by URL.
  openSync: (path: string | URL, ...rest: [number]) => {
    if (current && current.openedAt === undefined && String(path).endsWith('.json')) stamp('openedAt');
    return openSync(path, ...rest);
  },
  closeSync: (file: number) => {
    closeSync(file);
    if (current?.openedAt !== undefined && current.closedAt === undefined) stamp('closedAt');
  },
});
syncBuiltinESMExports();

function note(name: string): void {
  const now = monotonicMs();
  if (!name.endsWith('.json') || name.startsWith('.')) {
    otherAt = now;
    return;
  }
  const hintedAt = now - otherAt < TOGETHER_MS ? otherAt : now;
  current = { id: name.slice(0, -'.json'.length), hintedAt, namedAt: now };
}

function stamp(stage: Exclude<keyof Stamps, 'id' | 'hintedAt' | 'namedAt'>): void {
  if (current) current[stage] = monotonicMs();
}

interface Sends {
  send(frame: Uint8Array): unknown;
}

function timed(prototype: Sends): void {
  const send = Reflect.get(prototype, 'send');
  prototype.send = function (this: Sends, frame: Uint8Array): unknown {
    if (current?.committedAt === undefined) return send.call(this, frame);
    stamp('sendingAt');
    const result = send.call(this, frame);
    stamp('sentAt');
    all.push(current);
    current = undefined;
    return result;
  };
}

const { BusServer } = await import('../../server/index.js');
const { Commit } = await import('../../server/commit.js');
const { UwsSocket } = await import('../../server/network/uws/uws-socket.js');
const { WsSocket } = await import('../../server/network/ws/ws-socket.js');
timed(UwsSocket.prototype);
timed(WsSocket.prototype);
const turn = Reflect.get(Commit.prototype, 'turn');
Commit.prototype.turn = function (...args): void {
  if (args[0].length > 0) stamp('committedAt');
  turn.apply(this, args);
};

await runProgram(async (options: ServerOptions) => {
  const server = new BusServer({ port: 0, ...options });
  const { url, token } = await server.start();
  return { ready: { url, token }, calls: { stages: () => all.splice(0) }, stop: () => server.stop() };
});
