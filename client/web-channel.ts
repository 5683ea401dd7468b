import { BEARER_SUBPROTOCOL, SUBPROTOCOLS } from '../protocol/codec.js';
import type { Dial } from './channel.js';

/** Channels over the platform's own WebSocket, as browsers have it; the token travels as a subprotocol. */
export function webDial(url: string, token: string): Dial {
  return (listener) => {
    const socket = new WebSocket(url, [SUBPROTOCOLS.msgpack, BEARER_SUBPROTOCOL + base64url(token)]);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      listener.message(new Uint8Array(data as ArrayBuffer));
    };
    // A browser does not say why a handshake failed; the close that follows carries what little it tells.
    socket.onclose = ({ code, reason }) => {
      listener.closed(code, reason);
    };
    return {
      send: (message) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(message);
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
