import {
  decodeStrictly,
  ProtocolError,
  readClientMessage,
  type ClientMessage,
  type Encoding,
  type FilterLimits,
  type Refusal,
} from '../../protocol/index.js';
import { refusal } from './refusals.js';

/** Decodes a message of a client. @returns the message, or a refusal if it is no message of the protocol. */
export function decodeClientMessage(
  payload: Uint8Array,
  isBinary: boolean,
  encoding: Encoding,
  limits: FilterLimits,
): ClientMessage | Refusal {
  if (isBinary !== (encoding === 'msgpack')) return isBinary ? TEXT_ONLY : BINARY_ONLY;
  try {
    return readClientMessage(decodeStrictly(encoding, payload), limits);
  } catch (error) {
    if (error instanceof ProtocolError) return refusal(error.code, error.message);
    throw error;
  }
}

const BINARY_ONLY = refusal(
  'binary-only',
  'this connection speaks MessagePack in binary frames; for JSON offer muse-bus.v1.json',
);
const TEXT_ONLY = refusal(
  'text-only',
  'this connection speaks JSON in text frames; for MessagePack offer muse-bus.v1.msgpack',
);
