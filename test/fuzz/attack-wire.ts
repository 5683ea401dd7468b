import fc from 'fast-check';
import WebSocket from 'ws';
import { packMessage, SUBPROTOCOLS, type Encoding } from '../../protocol/index.js';
import { open, handshake } from '../support/http-wire.js';
import { firstOf } from './first-of.js';
import { clientMessage } from './grammar.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';

export interface Target {
  readonly url: string;
  readonly token: string;
}

/** How many messages were sent, by how they were made. */
export interface Sent {
  structured: number;
  mutated: number;
  blind: number;
  /** Bytes on a bare socket: frames and requests that no library would write. */
  raw: number;
}

const BATCH = 250;
/** One in this many messages is sent as bytes on a bare socket. */
const RAW_EVERY = 50;

/** Sends `count` messages, valid and invalid, and waits until the server has processed them. */
export async function attackWire(target: Target, count: number, seed: number): Promise<Sent> {
  const random = new Random(seed);
  const sent: Sent = { structured: 0, mutated: 0, blind: 0, raw: 0 };
  let socket: WebSocket | undefined;
  let encoding: Encoding = 'msgpack';
  for (let batch = 0; total(sent) < count; batch++) {
    if (socket?.readyState !== WebSocket.OPEN) {
      encoding = random.pick(['msgpack', 'json']);
      socket = await connect(target, encoding);
    }
    const samples = fc.sample(clientMessage, { numRuns: BATCH, seed: (seed + batch) | 0 });
    const messages = samples.map((sample) => encode(encoding, sample));
    for (const message of messages.slice(0, count - total(sent))) {
      if (total(sent) % RAW_EVERY === 0) await sendRaw(target, random, sent);
      else sendOne(socket, encoding, message, random, sent, random.pick(messages));
    }
    // Some clients stop reading, continue to send for a while, and break the connection.
    if (socket.isPaused) socket.terminate();
    else if (random.below(20) === 0) socket.pause();
    else await processed(socket, encoding);
    if (random.below(8) === 0) socket.terminate();
  }
  socket?.terminate();
  return sent;
}

const total = (sent: Sent): number => sent.structured + sent.mutated + sent.blind + sent.raw;

function encode(encoding: Encoding, message: unknown): Buffer {
  try {
    return Buffer.from(encoding === 'json' ? JSON.stringify(message) : packMessage(message));
  } catch {
    return Buffer.alloc(0);
  }
}

function sendOne(
  socket: WebSocket,
  encoding: Encoding,
  message: Buffer,
  random: Random,
  sent: Sent,
  other: Buffer,
): void {
  const way = random.below(100);
  let payload = message;
  if (way < 45) sent.structured++;
  else if (way < 85) {
    payload = mutate(message, random, other);
    sent.mutated++;
  } else {
    payload = random.bytes(random.below(way === 99 ? 60_000 : 200));
    sent.blind++;
  }
  const isText = encoding === 'json' ? random.below(40) > 0 : random.below(40) === 0;
  // By the WebSocket standard, text that is not UTF-8 ends the connection. So it is rare, to leave time for other inputs.
  const bytes = isText && random.below(100) > 0 ? Buffer.from(payload.toString('utf8')) : payload;
  if (socket.readyState === WebSocket.OPEN) socket.send(bytes, { binary: !isText });
}

async function connect({ url, token }: Target, encoding: Encoding): Promise<WebSocket> {
  const socket = new WebSocket(url, [SUBPROTOCOLS[encoding]], { headers: { authorization: `Bearer ${token}` } });
  socket.on('error', () => undefined);
  await firstOf(socket, 'open', 'close');
  return socket;
}

/** Resolves when the server has processed all earlier messages, or has closed the connection because of them. */
async function processed(socket: WebSocket, encoding: Encoding): Promise<void> {
  if (socket.readyState !== WebSocket.OPEN) return;
  const answered = firstOf(socket, 'close', 'pong');
  socket.send(encode(encoding, [4, 1]), { binary: encoding === 'msgpack' });
  socket.ping();
  const timeout = setTimeout(() => socket.terminate(), 20_000);
  await answered;
  clearTimeout(timeout);
}

/** Sends frames or a handshake with bytes that no library would send. */
function sendRaw({ url, token }: Target, random: Random, sent: Sent): Promise<void> {
  sent.raw++;
  const port = Number(new URL(url).port);
  const greeting = Buffer.from(handshake({ port, token }));
  const bytes = Buffer.concat(
    random.below(3) === 0
      ? [mutate(greeting, random, random.bytes(20))]
      : [greeting, ...Array.from({ length: 1 + random.below(6) }, () => frame(random))],
  );
  return new Promise((resolve) => {
    const socket = open(port, false, () => {
      socket.write(bytes);
      setTimeout(() => socket.destroy(), 1 + random.below(5));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.resume();
  });
}

function frame(random: Random): Buffer {
  const payload = random.bytes(random.below(140));
  const claimed = random.pick([payload.length, payload.length, 0, 126, 127]);
  const head = [random.below(256), (random.below(10) > 0 ? 0x80 : 0) | (claimed & 0x7f)];
  const length = claimed === 126 ? random.bytes(2) : claimed === 127 ? random.bytes(8) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from(head), length, random.bytes(4), payload]);
}
