import { BEARER_SUBPROTOCOL, SUBPROTOCOLS } from '../../protocol/index.js';
import type { Dial } from './channel.js';

/**
 * Channels over a browser's own WebSocket. The token is sent as a subprotocol, because a page cannot set headers. The encoding is JSON: a
 * browser's own parser is faster than any decoder in JavaScript, adds no bytes, and needs no `eval`, which a strict
 * Content-Security-Policy forbids.
 * @param seen called with the text of each frame before it is decoded.
 */
export function webDial(url: string, token: string, seen?: (frame: string) => void): Dial {
  return (listener) => {
    const socket = new WebSocket(url, [SUBPROTOCOLS.json, BEARER_SUBPROTOCOL + base64url(token)]);
    socket.onmessage = ({ data }) => {
      seen?.(data as string);
      let message: unknown;
      try {
        message = JSON.parse(data as string);
      } catch {
        // The message stays `undefined`; the client then closes with a protocol error.
      }
      listener.message(message);
    };
    // A browser does not report why a handshake failed: the event `error` has no reason, so only `close` is used.
    socket.onclose = ({ code, reason }) => {
      listener.closed(code, reason);
    };
    return {
      send: (message) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
      },
      bytesOf: (message) => new TextEncoder().encode(JSON.stringify(message)).length,
      close: () => {
        socket.close(1000);
      },
    };
  };
}

function base64url(text: string): string {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
