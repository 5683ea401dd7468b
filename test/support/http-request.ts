import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends a request exactly as written, even with repeated or missing headers, and reads the answer to its end. */
export function rawRequest(port: number, lines: readonly string[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    const settle = (): void => {
      const [head, body] = text.split('\r\n\r\n', 2) as [string, string?];
      const [first, ...headers] = head.split('\r\n');
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const is101 = first?.includes(' 101 ') ?? false;
      if (body === undefined || (!is101 && Buffer.byteLength(body) < length)) return;
      socket.destroy();
      const pairs = headers.map((line) => line.split(/: */, 2) as [string, string]);
      resolve({
        status: Number(first?.split(' ')[1]),
        headers: new Map(pairs.map(([name, value]) => [name.toLowerCase(), value])),
        body,
      });
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      settle();
    });
    socket.on('error', reject);
    socket.on('end', () => {
      reject(new Error(`the connection ended after ${JSON.stringify(text)}`));
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}
