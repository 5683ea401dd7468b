import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; the first value where a header is repeated. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/** Writes bytes that an HTTP library would not send, and reads the first answer. Its status is 0 where the server only closes. */
export function ask(port: number, bytes: string, isTls = false, timeoutMs = TIMEOUT_MS): Promise<Answer> {
  const isHead = bytes.startsWith('HEAD');
  return new Promise((resolve) => {
    let received = '';
    const socket = open(port, isTls, () => socket.write(bytes));
    const finish = (): void => {
      clearTimeout(timeout);
      socket.destroy();
      resolve(parse(received));
    };
    const timeout = setTimeout(finish, timeoutMs);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (isComplete(received, isHead)) finish();
    });
    socket.on('error', () => undefined);
    socket.on('close', finish);
  });
}

export function open(port: number, isTls: boolean, ready: () => void): Socket {
  return isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, ready)
    : connect(port, '127.0.0.1', ready);
}

function isComplete(text: string, isHead: boolean): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (isHead) return true;
  const answer = parse(text);
  if (answer.headers['transfer-encoding'] === 'chunked') return text.endsWith('\r\n0\r\n\r\n');
  const length = answer.headers['content-length'];
  return length === undefined ? answer.status === 101 || answer.status === 204 : answer.body.length >= Number(length);
}

function parse(text: string): Answer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] ??= line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n') };
}

/** The text of a request, with the header lines in the given order. */
export function request(line: string, headers: readonly string[], body = ''): string {
  return [`${line} HTTP/1.1`, ...headers, '', body].join('\r\n');
}

/** The text of a correct handshake, whose header lines `change` may alter. */
export function handshake(
  { port, token }: { readonly port: number; readonly token: string },
  change: (headers: string[]) => string[] = (headers) => headers,
  line = 'GET /',
): string {
  return request(
    line,
    change([
      `Host: 127.0.0.1:${String(port)}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: muse-bus.v1.msgpack',
      `Authorization: Bearer ${token}`,
    ]),
  );
}

/** The header lines without one header. */
export const without = (headers: readonly string[], name: string): string[] =>
  headers.filter((line) => !line.toLowerCase().startsWith(`${name}:`));
