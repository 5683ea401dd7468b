import { connect, type Socket } from 'node:net';
import { BusError } from '../../sdk/bus-error.js';
import { HttpAnswerReader, type HttpAnswer } from './http-answer.js';

interface Waiting {
  readonly reader: HttpAnswerReader;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection for questions by plain HTTP, one after the other. `node:http` can do more, and takes a third of the hook's time for it: an
 * agent waits for the hook before every edit.
 */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #host: string;
  #waiting: Waiting | undefined;
  #failed: Error | undefined;

  /** @param url where the server answers, `http://host:port` */
  constructor(
    url: string,
    private readonly signal: AbortSignal,
  ) {
    const { host, hostname, port } = new URL(url);
    this.#host = host;
    this.#socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 80 : Number(port),
      noDelay: true,
    });
    this.#socket.on('data', (bytes) => {
      this.#read((reader) => reader.take(bytes));
    });
    this.#socket.on('end', () => {
      if (this.#waiting?.reader.isUntouched === true) this.#fail(closed());
      else this.#read((reader) => reader.end());
    });
    this.#socket.on('error', (error) => {
      this.#fail(new BusError('unreachable', 'nothing answers', '', { cause: error }));
    });
    this.#socket.on('close', () => {
      this.#fail(closed());
    });
    signal.addEventListener('abort', this.#aborted, { once: true });
    if (signal.aborted) this.#aborted();
  }

  /**
   * Asks on this connection, and on no other. @param maxBytes the longest body of an answer.
   * @throws BusError `unreachable` if the server gives no answer; Error if its answer is not HTTP or too long; the signal's reason.
   */
  get(path: string, headers: Readonly<Record<string, string>>, maxBytes: number): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) {
        reject(this.#failed);
        return;
      }
      this.#waiting = { reader: new HttpAnswerReader(maxBytes), resolve, reject };
      const lines = Object.entries({ host: this.#host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
      this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    });
  }

  close(): void {
    this.signal.removeEventListener('abort', this.#aborted);
    this.#socket.destroy();
  }

  readonly #aborted = (): void => {
    this.#fail(this.signal.reason as Error);
    this.#socket.destroy();
  };

  #read(step: (reader: HttpAnswerReader) => HttpAnswer | undefined): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    try {
      const answer = step(waiting.reader);
      if (answer === undefined) return;
      this.#waiting = undefined;
      waiting.resolve(answer);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}

const closed = (): BusError => new BusError('unreachable', 'the bus closed the connection', 'try again');
