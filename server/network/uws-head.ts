import type { HttpResponse } from 'uWebSockets.js';
import { reasonPhrase } from './refusal.js';
import type { HttpReply, HttpStream } from './transport.js';

/** Status and headers of an answer, without what says that the connection closes after it. */
export function writeHead(response: HttpResponse, { status, headers }: HttpReply | HttpStream): void {
  response.writeStatus(`${String(status)} ${reasonPhrase(status)}`);
  for (const [name, value] of Object.entries(headers)) {
    // Said of every answer by whoever ends it.
    if (name !== 'connection') response.writeHeader(name, value);
  }
}

/**
 * Answers a request whose connection is not known, and leaves it unanswered as far as the engine knows: so its abort handler
 * stays, and the connection is closed by whoever accepted it.
 */
export function writeWhole(response: HttpResponse, answer: HttpReply): void {
  response.cork(() => {
    writeHead(response, answer);
    response.writeHeader('connection', 'close');
    const length = String(Buffer.byteLength(answer.body));
    // The engine writes a value as it is, so that the last one can carry the end of the head and the body.
    response.writeHeader('content-length', `${length}\r\n\r\n${String(answer.body)}`);
  });
}
