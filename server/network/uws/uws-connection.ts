import type { HttpResponse } from 'uWebSockets.js';
import { ANSWER_MS, LINGER_MS, REQUEST_HEAD_MS } from '../http-bounds.js';
import { withSecurityHeaders } from '../security-headers.js';
import { isStream, type HttpAnswer, type HttpReply, type RequestHead, type TransportHandlers } from '../transport.js';
import { writeHead } from './uws-head.js';
import { streamReply } from './uws-stream.js';
import { TOO_MANY_PENDING } from '../pending-connections.js';
import { text } from '../reply.js';

/** A request without a body whose head the engine has read and which has no answer yet. */
export interface ArrivedRequest {
  readonly head: RequestHead;
  /** The engine's object for this request only. It is invalid after the answer. */
  readonly response: HttpResponse;
  /** The refusal of a handshake; `undefined` if the request has not been checked yet. */
  readonly refused: HttpReply | undefined;
}

/** The part of the transport that its connections use. */
export interface ConnectionOwner {
  readonly handlers: TransportHandlers;
  /** The connection has sent the token. */
  authenticated(connection: UwsConnection): void;
  /** The connection was `unknown` and has sent an HTTP request, so it is no WebSocket. */
  heardOf(connection: UwsConnection): void;
  /** The connection is closed, or may not be touched any more. */
  over(connection: UwsConnection): void;
  /** How many connections the engine has closed so far. */
  closures(): number;
}

/**
 * - `waiting`: no request has arrived.
 * - `answering`: the engine holds an unanswered request.
 * - `answered`: the whole answer has been handed to the engine; the client may close first, within {@link LINGER_MS}.
 * - `unknown`: this connection or another one has become a WebSocket, and the engine does not report which. Its engine object may not be
 *   touched before it sends an HTTP request. If it sends none and is no WebSocket, the engine closes it after ten seconds.
 * - `over`: its engine objects may not be touched.
 */
type Phase = 'waiting' | 'answering' | 'answered' | 'unknown' | 'over';

/** Bodies up to this size are handed over whole. The engine keeps what the kernel does not take. */
const SMALL_BODY_BYTES = 8_192;

const UNREADABLE = withSecurityHeaders(
  text(400, `no HTTP/1.1 request with a Host came within ${String(REQUEST_HEAD_MS / 1_000)} s`),
);
/**
 * One connection of the native engine, until it closes or may have become a WebSocket. It serves one request, or two if the answer
 * to the first says that another may follow.
 *
 * The engine gives a new object for the same connection at every call. The object from the acceptance is kept: it is valid until the
 * connection closes, and its handlers identify the connection of a request. Two rules keep the process alive, and only this class
 * follows them: an abort handler is attached at every moment, and nothing is called after it has run.
 */
export class UwsConnection {
  #phase: Phase = 'waiting';
  #timer: NodeJS.Timeout;
  #hasContinued = false;
  /** Called if the client closes before a streaming reply is complete. */
  #streamAborted: (() => void) | undefined;

  constructor(
    private readonly accepted: HttpResponse,
    readonly address: string,
    private readonly isTls: boolean,
    private readonly owner: ConnectionOwner,
    /** Returns the request whose head the engine has just read, once. */
    private readonly takeArrived: () => ArrivedRequest | undefined,
  ) {
    this.#timer = this.#awaitRequest();
  }

  /** Makes this connection answer its next request. */
  #awaitRequest(): NodeJS.Timeout {
    this.#attachAbort();
    // For a request without a body the engine calls this right after its request handler, in the same call. That is how the connection of
    // a request is known. For a request with a body the engine may call it later, so such a request replaces this handler.
    this.accepted.onData(() => {
      const isHeardOf = this.#phase === 'waiting' || this.#phase === 'unknown';
      const arrived = isHeardOf ? this.takeArrived() : undefined;
      if (arrived) this.#answer(arrived);
    });
    return setTimeout(() => {
      this.#refuse(UNREADABLE);
    }, REQUEST_HEAD_MS);
  }

  /** Closes the connection because its address has too many unauthenticated ones and this one is the oldest. */
  close(): void {
    this.#refuse(TOO_MANY_PENDING);
  }

  /** Called when a connection has become a WebSocket, which may be this one. */
  doubt(): void {
    // A connection that is being answered cannot be it: the engine closes such a connection at a second request.
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
        // The first bytes may have ended the reply, or the client may have closed at them.
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
   * Runs `call` after the engine's own call has returned. At the last byte the engine may close the connection at once, if the client has
   * asked for that. Inside its own call it would then go on to use memory that it has freed. A small answer needs no delay: it stays in
   * the engine's cork buffer until its call has returned.
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
        // No argument, not even undefined: the engine would wait for a body of that length, and end the process when none comes.
        response.endWithoutBody();
      });
      return true;
    });
  }

  /** Sends the one answer after which another request is served. At a request that arrives before it has been written, the engine closes the connection. */
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
      // The engine dropped both handlers at the end of the first request.
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

  /** Hands over only as much as the kernel takes, so that the answer to a client that does not read uses no memory in the engine. */
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
   * Hands bytes to the engine. At the last byte the engine drops the abort handler. It may also close the connection in the same call, and
   * then reports only that some connection has closed.
   * @param send writes the bytes; returns whether they were the last.
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

  /** Closes the connection. The answer is sent first, unless a request has come or the connection uses TLS. */
  #refuse(answer: HttpReply): void {
    if (this.#phase !== 'waiting' || this.isTls) {
      this.#close();
      return;
    }
    this.accepted.cork(() => {
      writeHead(this.accepted, answer);
      this.accepted.end(answer.body, true);
    });
    // The engine closes the connection at once. It may not report that, and the object may not be used again.
    this.#over();
  }

  #closeAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#close();
    }, delayMs);
  }

  #close(): void {
    // The engine calls the abort handler before `close` returns.
    if (this.#phase !== 'over' && this.#phase !== 'unknown') this.accepted.close();
  }
}
