import type { HttpResponse } from 'uWebSockets.js';
import { reasonPhrase } from './reason-phrase.js';
import type { HttpReply, HttpStream } from './transport.js';

/** Status and headers of an answer, without what says that the connection closes after it. */
export function writeHead(response: HttpResponse, { status, headers }: HttpReply | HttpStream): void {
  response.writeStatus(`${String(status)} ${reasonPhrase(status)}`);
  for (const [name, value] of Object.entries(headers)) {
    // Said of every answer by whoever ends it.
    if (name !== 'connection') response.writeHeader(name, value);
  }
}
