/** The two encodings of the same arrays. Each has its own WebSocket subprotocol. */
export type Encoding = 'msgpack' | 'json';

export const SUBPROTOCOLS: Readonly<Record<Encoding, string>> = {
  msgpack: 'muse-bus.v1.msgpack',
  json: 'muse-bus.v1.json',
};

/** The prefix of a token that is sent as a subprotocol (base64url of its UTF-8). The server never echoes it. */
export const BEARER_SUBPROTOCOL = 'muse-bus.bearer.';
