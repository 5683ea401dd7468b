import { connect, type Socket } from 'node:net';
import { handshake, request, without } from '../support/http-wire.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

export interface BytesTarget {
  readonly port: number;
  readonly token: string;
}

/** The longest time of one connection, whatever the server does. */
const MAX_LIFE_MS = 150;

/** How the client ends a connection; the last way leaves that to the server. */
type End = (socket: Socket) => void;
const ENDS: readonly End[] = [
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
  () => undefined,
];

const PATHS = ['/', '/inspector.js', '/healthz', '/readyz', '/challenge?nonce=AAAA', '/records', '/events', '/metrics'];
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PATCH', 'CONNECT', 'get', 'PRI'];
const HEADERS = [
  'Content-Length: 5',
  'Content-Length: 18446744073709551615',
  'Content-Length: 0',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: xchunked',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Accept: application/x-ndjson',
  'Last-Event-ID: x:1',
  'A: b\r\n c',
  ': no name',
];
const BODIES = ['', '', 'abcde', '5\r\nabcde\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '0\r\nA: b\r\n\r\n'];

/** One request, which is correct most of the time. */
function line({ port, token }: BytesTarget, random: Random): string {
  if (random.below(5) === 0) {
    return handshake({ port, token }, (headers) =>
      random.below(2) === 0 ? headers : without(headers, random.pick(['authorization', 'host', 'sec-websocket-key'])),
    );
  }
  const headers = [`Host: 127.0.0.1:${String(port)}`];
  if (random.below(3) > 0) headers.push(`Authorization: Bearer ${token}`);
  for (let more = random.below(3); more > 0; more--) headers.push(random.pick(HEADERS));
  return request(`${random.pick(METHODS)} ${random.pick(PATHS)}`, headers, random.pick(BODIES));
}

/** One connection with some requests, at random mutated, split, or with an answer that is not read. It ends at a random moment. */
export function httpLife(target: BytesTarget, random: Random): Promise<void> {
  const lines = Array.from({ length: 1 + random.below(4) }, () => Buffer.from(line(target, random), 'latin1'));
  let bytes: Buffer = Buffer.concat(lines);
  if (random.below(2) === 0) bytes = mutate(bytes, random, random.pick(lines));
  if (random.below(4) === 0) bytes = bytes.subarray(0, random.below(bytes.length + 1));
  return live(target, bytes, random);
}

/**
 * Opens a connection, writes the bytes in one or two pieces, and ends it at a random moment, in a random way.
 * @param afterAnswer bytes that are written after the server has answered
 */
export function live(
  { port }: BytesTarget,
  bytes: Buffer,
  random: Random,
  afterAnswer: Buffer = Buffer.alloc(0),
): Promise<void> {
  const cut = random.below(2) === 0 ? bytes.length : random.below(bytes.length + 1);
  const end = random.pick(ENDS);
  const endAfterMs = random.below(12);
  const isRead = afterAnswer.length > 0 || random.below(4) > 0;
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: random.below(2) === 0 }, () => {
      socket.write(bytes.subarray(0, cut));
      if (cut < bytes.length) setTimeout(() => socket.write(bytes.subarray(cut)), 1);
      if (afterAnswer.length === 0) setTimeout(end, endAfterMs, socket);
    });
    if (afterAnswer.length > 0) {
      socket.once('data', () => {
        socket.write(afterAnswer);
        setTimeout(end, endAfterMs, socket);
      });
    }
    const timeout = setTimeout(() => socket.destroy(), MAX_LIFE_MS);
    if (isRead) socket.resume();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timeout);
      resolve();
    });
  });
}
