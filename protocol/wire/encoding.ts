/** The two encodings of the same arrays, each with its WebSocket subprotocol. */
export type Encoding = 'msgpack' | 'json';

export const SUBPROTOCOLS: Readonly<Record<Encoding, string>> = {
  msgpack: 'muse-bus.v1.msgpack',
  json: 'muse-bus.v1.json',
};

/** Before the token, when it travels as a subprotocol (base64url of its UTF-8); never echoed. */
export const BEARER_SUBPROTOCOL = 'muse-bus.bearer.';
