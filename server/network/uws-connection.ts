import type { HttpResponse } from 'uWebSockets.js';
import { ANSWER_MS, LINGER_MS, REQUEST_HEAD_MS } from './http-bounds.js';
import { refusal } from './refusal.js';
import { withSecurityHeaders } from './security-headers.js';
import { isStream, type HttpAnswer, type HttpReply, type RequestHead, type TransportHandlers } from './transport.js';
import { writeHead } from './uws-head.js';
import { streamReply } from './uws-stream.js';

/** A request without a body that the engine has read the head of, and that is to be answered. */
export interface ArrivedRequest {
  readonly head: RequestHead;
  /** The engine's object for this request alone; unusable once the request has been answered. */
  readonly response: HttpResponse;
  /** Of a handshake that is refused; `undefined` where nobody has looked at the request. */
  readonly refused: HttpReply | undefined;
}

/** What a connection needs of the transport that accepted it. */
export interface ConnectionOwner {
  readonly handlers: TransportHandlers;
  /** The connection has presented the token. */
  authenticated(connection: UwsConnection): void;
  /** The connection is what it was, though it had been doubted. */
  heardOf(connection: UwsConnection): void;
  /** The connection has gone, or may not be touched any more. */
  over(connection: UwsConnection): void;
  /** How many connections the engine has closed so far. */
  closures(): number;
}

/**
 * - `waiting`: no request has come.
 * - `answering`: the engine holds an unanswered request.
 * - `answered`: everything has been handed over; the other end is given a moment to close first.
 * - `unknown`: this connection or another one has become a WebSocket, and the engine does not say which. It may not be
 *   touched before it is heard of; where it is none, the engine closes it after ten seconds.
 * - `over`: nothing of the engine's may be touched.
 */
type Phase = 'waiting' | 'answering' | 'answered' | 'unknown' | 'over';

/** Bodies up to here are handed over whole: the engine keeps what the kernel does not take. */
const SMALL_BODY_BYTES = 8_192;

const UNREADABLE = withSecurityHeaders(
  refusal(400, `no HTTP/1.1 request with a Host came within ${String(REQUEST_HEAD_MS / 1_000)} s`),
);
const TOO_MANY_PENDING = withSecurityHeaders(
  refusal(503, 'too many connections of this address have not been let in (max_pending_connections)'),
);

/**
 * One connection of the native engine until it has gone or may have become a WebSocket. It serves one request, or two where
 * the answer to the first says that another may follow.
 *
 * The engine gives a new object for the same connection at every call. The one it gives when the connection is accepted
 * is kept: it stays usable until the connection closes, and through it the connection is known again. The rules that
 * keep the process alive are held here and nowhere else: an abort handler is attached at every moment, and nothing is
 * called after it has run.
 */
export class UwsConnection {
  #phase: Phase = 'waiting';
  #timer: NodeJS.Timeout;
  #hasContinued = false;
  /** Told when the other end goes before a streaming reply is complete. */
  #streamAborted: (() => void) | undefined;

  constructor(
    private readonly accepted: HttpResponse,
    readonly address: string,
    private readonly isTls: boolean,
    private readonly owner: ConnectionOwner,
    /** The request whose head the engine has just read. */
    private readonly takeArrived: () => ArrivedRequest | undefined,
  ) {
    this.#timer = this.#awaitRequest();
  }

  /** From here on the next request is this connection's to answer. */
  #awaitRequest(): NodeJS.Timeout {
    this.#attachAbort();
    // For a request without a body this is called right after the engine's request handler, in the same call of the engine,
    // and so says whose request that was. One with a body takes this handler away, since for that it may be called later.
    this.accepted.onData(() => {
      const isHeardOf = this.#phase === 'waiting' || this.#phase === 'unknown';
      const arrived = isHeardOf ? this.takeArrived() : undefined;
      if (arrived) this.#answer(arrived);
    });
    return setTimeout(() => {
      this.#refuse(UNREADABLE);
    }, REQUEST_HEAD_MS);
  }

  /** Too many of this address have not been let in, and this one has been so for longest. */
  close(): void {
    this.#refuse(TOO_MANY_PENDING);
  }

  /** A connection has become a WebSocket, and it may have been this one. */
  doubt(): void {
    // A connection that is being answered cannot: the engine closes it over a second request.
    if (this.#phase !== 'waiting' && this.#phase !== 'answered') return;
    this.#phase = 'unknown';
    clearTimeout(this.#timer);
    this.owner.over(this);
  }

  #attachAbort(): void {
    this.accepted.onAborted(() => {
      this.#over();
    });
  }

  #over(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    clearTimeout(this.#timer);
    this.owner.over(this);
    this.#streamAborted?.();
  }

  #answer({ head, response, refused }: ArrivedRequest): void {
    if (this.#phase === 'unknown') this.owner.heardOf(this);
    this.#phase = 'answering';
    this.#closeAfter(ANSWER_MS);
    this.#reply(response, head, refused ?? this.owner.handlers.http(head));
  }

  #reply(response: HttpResponse, head: RequestHead, answer: HttpAnswer): void {
    if (answer.authenticated) this.owner.authenticated(this);
    if (isStream(answer)) {
      clearTimeout(this.#timer);
      this.#later(() => {
        const aborted = streamReply(response, head.method, answer, (end) => {
          this.#handOver(end);
        });
        // It may have ended, or the other end may have gone, with the first bytes.
        if (this.#isAnswering()) this.#streamAborted = aborted;
        else if (this.#phase === 'over') aborted();
      });
      return;
    }
    const { status, body } = answer;
    const length = Buffer.byteLength(body);
    if (head.method === 'HEAD' || status === 204) this.#replyWithoutBody(response, answer, length);
    else if (answer.mayContinue === true && !this.#hasContinued) this.#replyAndContinue(response, answer);
    else if (length <= SMALL_BODY_BYTES) this.#replyAtOnce(response, answer);
    else this.#replyInPieces(response, answer, Buffer.from(body));
  }

  /**
   * Outside of the engine's own work on the connection. With the last byte it may close it at once, if the other end has asked
   * for that, and would then go on working with what it has freed. What is small waits in its cork until it is done.
   */
  #later(call: () => void): void {
    setImmediate(() => {
      if (this.#isAnswering()) call();
    });
  }

  #replyWithoutBody(response: HttpResponse, answer: HttpReply, length: number): void {
    this.#handOver(() => {
      response.cork(() => {
        writeHead(response, answer);
        response.writeHeader('connection', 'close');
        if (answer.status !== 204) response.writeHeader('content-length', String(length));
        // Given any argument, even undefined, the engine waits for a body of that length, and ends the process as none comes.
        response.endWithoutBody();
      });
      return true;
    });
  }

  /** The one answer after which another request is served. Until it has been written, a request that follows is nobody's. */
  #replyAndContinue(response: HttpResponse, answer: HttpReply): void {
    this.#hasContinued = true;
    this.#later(() => {
      const before = this.owner.closures();
      response.cork(() => {
        writeHead(response, answer);
        response.end(answer.body);
      });
      if (this.owner.closures() !== before) {
        this.#over();
        return;
      }
      this.#phase = 'waiting';
      clearTimeout(this.#timer);
      // The engine has forgotten both handlers with the first request.
      this.#timer = this.#awaitRequest();
    });
  }

  #replyAtOnce(response: HttpResponse, answer: HttpReply): void {
    this.#handOver(() => {
      response.cork(() => {
        writeHead(response, answer);
        response.end(answer.body, true);
      });
      return true;
    });
  }

  /** Hands over only what the kernel takes: an answer that nobody reads costs nothing here. */
  #replyInPieces(response: HttpResponse, answer: HttpReply, body: Uint8Array): void {
    const pass = (offset: number): boolean => {
      const result = { isPassed: false, isDone: false };
      this.#handOver(() => {
        response.cork(() => {
          if (offset === 0) {
            writeHead(response, answer);
            response.writeHeader('connection', 'close');
          }
          [result.isPassed, result.isDone] = response.tryEnd(body.subarray(offset), body.length);
        });
        return result.isDone;
      });
      return result.isPassed;
    };
    this.#later(() => {
      if (pass(0) || !this.#isAnswering()) return;
      response.onWritable((offset) => {
        this.#later(() => {
          pass(offset);
        });
        return true;
      });
    });
  }

  #isAnswering(): boolean {
    return this.#phase === 'answering';
  }

  /**
   * Has the engine take what is to be sent. It forgets the abort handler with the last byte, and may close the connection
   * in the same call, of which it then tells only that some connection has gone.
   * @param send whether that was all.
   */
  #handOver(send: () => boolean): void {
    if (!this.#isAnswering()) return;
    const before = this.owner.closures();
    const isAll = send();
    if (this.owner.closures() !== before) {
      this.#over();
    } else if (isAll) {
      this.#phase = 'answered';
      this.#streamAborted = undefined;
      this.#attachAbort();
      this.#closeAfter(LINGER_MS);
    }
  }

  /** Ends a connection that has sent no request which the engine could read. */
  #refuse(answer: HttpReply): void {
    if (this.#phase !== 'waiting' || this.isTls) {
      this.#close();
      return;
    }
    this.accepted.cork(() => {
      writeHead(this.accepted, answer);
      this.accepted.end(answer.body, true);
    });
    // The engine closes it at once; whether or not it says so, the object is of no more use.
    this.#over();
  }

  #closeAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#close();
    }, delayMs);
  }

  #close(): void {
    // Calls the abort handler before it returns.
    if (this.#phase !== 'over' && this.#phase !== 'unknown') this.accepted.close();
  }
}
