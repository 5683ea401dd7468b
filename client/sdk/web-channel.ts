import { BEARER_SUBPROTOCOL, SUBPROTOCOLS } from '../../protocol/index.js';
import type { Dial } from './channel.js';

/**
 * Channels over the platform's own WebSocket, as browsers have it; the token travels as a subprotocol. In JSON: a
 * browser's own parser is quicker than any decoder written in JavaScript, weighs nothing, and needs no `eval`, which a page
 * with a strict Content-Security-Policy does not have.
 * @param seen told of each frame as it came, before it is read.
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
        // The client finds that it is no message.
      }
      listener.message(message);
    };
    // A browser does not say why a handshake failed; the close that follows carries what little it tells.
    socket.onclose = ({ code, reason }) => {
      listener.closed(code, reason);
    };
    return {
      send: (message) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
      },
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
