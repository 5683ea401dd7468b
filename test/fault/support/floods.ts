import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { packMessage } from '../../../protocol/index.js';
import { handshake, request } from '../../support/http-wire.js';

export interface FloodTarget {
  readonly port: number;
  readonly token: string;
}

/** A flood: one kind of message or connection, as fast as possible, until the process exits. */
export interface Flood {
  readonly name: string;
  attack(target: FloodTarget): Promise<void>;
}

/** The pause between two rounds of a flood that makes connections. */
const ROUND_MS = 2;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function dial(port: number, ready: (socket: Socket) => void): Socket {
  const socket: Socket = connect(port, '127.0.0.1', () => {
    ready(socket);
  });
  socket.on('error', () => undefined);
  return socket;
}

/** Writes the same bytes as fast as the socket accepts them, and continues on a new connection where the server closes this one. */
function pour(target: FloodTarget, greeting: string, bytes: Uint8Array, isRead = true): void {
  const socket = dial(target.port, () => {
    socket.write(greeting);
    const more = (): void => {
      while (socket.writable && socket.write(bytes));
    };
    socket.on('drain', more);
    setTimeout(more, greeting === '' ? 0 : 20);
  });
  if (isRead) socket.resume();
  socket.on('close', () => {
    setTimeout(() => {
      pour(target, greeting, bytes, isRead);
    }, ROUND_MS);
  });
}

/** A WebSocket frame as a client sends it. The mask is zero, so the payload is unchanged. */
function frame(opcode: number, payload: Uint8Array, isLast = true): Buffer {
  const { length } = payload;
  const head = [(isLast ? 0x80 : 0) | opcode, 0x80 | (length < 126 ? length : 126)];
  if (length >= 126) head.push(length >> 8, length & 0xff);
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

const repeated = (piece: Buffer, bytes: number): Buffer =>
  Buffer.concat(Array.from({ length: Math.ceil(bytes / piece.length) }, () => piece));

const NOTHING = Buffer.alloc(0);
const PIECE_BYTES = 262_144;

function frames(name: string, connections: number, make: () => Buffer): Flood {
  return {
    name,
    attack: (target) => {
      const bytes = make();
      for (let n = 0; n < connections; n++) pour(target, handshake(target), bytes);
      return Promise.resolve();
    },
  };
}

const messages = (name: string, connections: number, make: (n: number) => unknown): Flood =>
  frames(name, connections, () =>
    Buffer.concat(Array.from({ length: 2_000 }, (_, n) => frame(2, packMessage(make(n))))),
  );

function requests(name: string, connections: number, make: (target: FloodTarget) => string, isRead = true): Flood {
  return {
    name,
    attack: (target) => {
      const bytes = repeated(Buffer.from(make(target)), PIECE_BYTES);
      for (let n = 0; n < connections; n++) pour(target, '', bytes, isRead);
      return Promise.resolve();
    },
  };
}

const host = ({ port }: FloodTarget): string => `Host: 127.0.0.1:${String(port)}`;
const get = (target: FloodTarget, path: string, ...headers: string[]): string =>
  request(`GET ${path}`, [host(target), ...headers]);
const allowed = (target: FloodTarget, path: string): string =>
  get(target, path, `Authorization: Bearer ${target.token}`);

/** Opens connections as fast as one process can, up to `most` at a time. */
function crowd(name: string, most: number, make: (socket: Socket, target: FloodTarget, n: number) => void): Flood {
  return {
    name,
    attack: async (target) => {
      const open = new Set<Socket>();
      for (let n = 0; ; n++) {
        if (open.size < most) {
          const socket = dial(target.port, () => {
            make(socket, target, n);
          });
          open.add(socket);
          socket.on('close', () => open.delete(socket));
          socket.resume();
        }
        if (n % 50 === 0) await pause(ROUND_MS);
      }
    },
  };
}

const glob = (n: number, i: number): string => `**/a*/**/b*/**/c*/**/${'x'.repeat(30)}${String(n * 100 + i)}`;

export const FLOODS: readonly Flood[] = [
  frames('pings', 1, () => repeated(frame(9, NOTHING), PIECE_BYTES)),
  frames('pings of 125 bytes on four connections', 4, () => repeated(frame(9, Buffer.alloc(125)), PIECE_BYTES)),
  frames('pongs', 1, () => repeated(frame(10, NOTHING), PIECE_BYTES)),
  frames('closes', 4, () => repeated(frame(8, NOTHING), PIECE_BYTES)),
  frames('empty fragments', 1, () =>
    Buffer.concat([frame(2, NOTHING, false), repeated(frame(0, NOTHING, false), PIECE_BYTES)]),
  ),
  frames('empty messages', 1, () => repeated(frame(2, NOTHING), PIECE_BYTES)),
  messages('200 subscriptions of 100 globs', 1, (n) => [
    1,
    n,
    { snapshot: 'none', filter: { addresses: Array.from({ length: 100 }, (_, i) => glob(n % 200, i)) } },
  ]),
  messages('subscribe and unsubscribe', 2, (n) => (n % 2 === 0 ? [1, 7, { filter: { kinds: ['task'] } }] : [2, 7])),
  messages('syncs of everything', 2, (n) => [3, n]),
  messages('inspections', 2, (n) => [5, n, 'overview']),
  messages('messages as fast as they go', 4, (n) => [4, n]),
  frames('messages of 64 KiB without meaning', 2, () => frame(2, Buffer.alloc(65_535, 0x90))),
  requests('/metrics, pipelined on two connections', 2, (target) => allowed(target, '/metrics')),
  requests('/records, pipelined on two connections', 2, (target) => allowed(target, '/records')),
  requests('/inspector.js, pipelined and never read', 8, (target) => get(target, '/inspector.js'), false),
  crowd('/metrics, on 64 connections at once', 64, (socket, target) => socket.write(allowed(target, '/metrics'))),
  crowd('/records, on 64 connections at once', 64, (socket, target) => socket.write(allowed(target, '/records'))),
  crowd('/events, on 200 connections at once', 200, (socket, target) => socket.write(allowed(target, '/events'))),
  crowd('/inspector.js, on 2,000 connections and never read', 2_000, (socket, target) => {
    socket.pause();
    socket.write(get(target, '/inspector.js'));
  }),
  crowd('half-open connections, 6,000', 6_000, () => undefined),
  crowd('heads that never end, 6,000', 6_000, (socket, target) => {
    socket.write(`GET / HTTP/1.1\r\n${host(target)}\r\nA: `);
    const drip = setInterval(() => socket.write('b'), 500);
    socket.on('close', () => {
      clearInterval(drip);
    });
  }),
  crowd('large heads', 64, (socket, target) => socket.write(get(target, '/', `A: ${'x'.repeat(60_000)}`))),
  crowd('wrong tokens', 64, (socket, target) =>
    socket.write(get(target, '/records', `Authorization: Bearer ${randomBytes(32).toString('base64url')}`)),
  ),
  crowd('sockets that come and go', 128, (socket, target) => {
    socket.write(handshake(target));
    socket.once('data', () => socket.destroy());
  }),
  crowd('resets', 64, (socket, target) => {
    socket.write(get(target, '/inspector.js'), () => socket.resetAndDestroy());
  }),
];
