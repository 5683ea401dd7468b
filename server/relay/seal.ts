import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { OptionError } from '../config/option-error.js';
import { writeArrayHead } from '../store/msgpack-writer.js';

/** What precedes the 32 bytes of a key of Ed25519 in DER (RFC 8410). */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const KEY = /^[A-Za-z0-9_-]{43}$/;
const SIGNATURE_BYTES = 64;
/** A signature at the end of a message: the head of 64 bytes in MessagePack, and the bytes. */
const SIGNATURE_HEAD = Buffer.from([0xc4, SIGNATURE_BYTES]);
const TAIL_BYTES = SIGNATURE_HEAD.length + SIGNATURE_BYTES;
const LINK_BYTES = 32;
/** The head of a link in MessagePack, and the link of a message that follows none. */
const LINK_HEAD = Buffer.from([0xc4, LINK_BYTES]);
const NO_LINK = Buffer.alloc(LINK_BYTES);
/** How many elements a seal adds: the link, the place and the signature. */
const ELEMENTS = 3;
/** The most bytes by which a seal makes a message longer: these, and a longer head of the array. */
export const SEAL_BYTES = LINK_HEAD.length + LINK_BYTES + TAIL_BYTES + 11;

/** The first bytes of an array in MessagePack: how many elements it has, and where they begin. */
interface ArrayHead {
  readonly count: number;
  readonly length: number;
}

function arrayHead(bytes: Uint8Array): ArrayHead | undefined {
  const [first = 0, high = 0, low = 0] = bytes;
  if (first >= 0x90 && first <= 0x9f) return { count: first & 0x0f, length: 1 };
  return first === 0xdc ? { count: (high << 8) | low, length: 3 } : undefined;
}

/** A sequence as a double, always as long, so that no other sequence ends with the same bytes. */
const PLACE_BYTES = 9;

function placeOf(sequence: number): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES, 0xcb);
  bytes.writeDoubleBE(sequence, 1);
  return bytes;
}

function headOf(count: number): Buffer {
  const bytes = Buffer.alloc(5);
  return bytes.subarray(0, writeArrayHead(bytes, 0, count));
}

/** What the next message of the stream says about this one: that the origin has made it, for its subject and place. */
const linkTo = (subject: string, sealed: Uint8Array): Buffer =>
  createHash('sha256').update(`${subject}\n`).update(sealed).digest();

/** A message as it is in the stream. */
export interface SealedMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** What is signed: the place of a message is part of it, so that none can be sent again at another. */
const signedBytes = (subject: string, count: number, elements: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`muse-bus relay 1\n${subject}\n${String(count)}\n`), elements]);

/**
 * Signs what an origin sends. A link to the message before, the sequence in the stream and the signature are three more elements at the end
 * of a message, which readers that check none ignore. Because of the links, one signature is enough for messages that follow each other.
 */
export class OriginSeal {
  readonly #key: KeyObject;
  /** 43 characters of base64url. */
  readonly publicKey: string;
  readonly check: SealCheck;
  /** The message that was sealed last. Whether it was stored is not known here: a link to another one is a link to none. */
  #last: { readonly sequence: number; readonly link: Uint8Array } = { sequence: 0, link: NO_LINK };

  /** @param secret 32 bytes in base64url. */
  constructor(secret: string) {
    const der = Buffer.concat([PRIVATE_HEAD, Buffer.from(secret, 'base64url')]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const publicDer = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.publicKey = publicDer.subarray(PUBLIC_HEAD.length).toString('base64url');
    this.check = new SealCheck([this.publicKey]);
  }

  /** @param sequence the place in the stream that the message will have, if it is stored. */
  seal(subject: string, sequence: number, message: Uint8Array): Uint8Array {
    const head = arrayHead(message);
    if (!head) throw new Error('only arrays are sealed');
    const link = this.#last.sequence === sequence - 1 ? this.#last.link : NO_LINK;
    const elements = Buffer.concat([message.subarray(head.length), LINK_HEAD, link, placeOf(sequence)]);
    const signature = sign(null, signedBytes(subject, head.count, elements), this.#key);
    const sealed = Buffer.concat([headOf(head.count + ELEMENTS), elements, SIGNATURE_HEAD, signature]);
    this.#last = { sequence, link: linkTo(subject, sealed) };
    return sealed;
  }

  /** Signs a message outside the stream, which is JSON. @returns it with the signature as its last field. */
  sealJson(subject: string, message: object): string {
    const signature = sign(null, signedBytes(subject, 0, Buffer.from(JSON.stringify(message))), this.#key);
    return JSON.stringify({ ...message, signature: signature.toString('base64url') });
  }
}

/** The parts of a sealed message. */
interface Parts {
  /** How many elements the message had before it was sealed. */
  readonly count: number;
  /** What is signed of the bytes: all elements but the signature. */
  readonly elements: Uint8Array;
  readonly link: Uint8Array;
  readonly signature: Uint8Array;
}

/** Returns the parts of a message that says it was sealed for this place; `undefined` if it does not. */
function partsOf(sequence: number, message: Uint8Array): Parts | undefined {
  const head = arrayHead(message);
  const end = message.length - TAIL_BYTES;
  const place = end - PLACE_BYTES;
  const link = place - LINK_BYTES;
  if (!head || link - LINK_HEAD.length < head.length || head.count < ELEMENTS) return undefined;
  if (!SIGNATURE_HEAD.equals(message.subarray(end, end + SIGNATURE_HEAD.length))) return undefined;
  if (!placeOf(sequence).equals(message.subarray(place, end))) return undefined;
  if (!LINK_HEAD.equals(message.subarray(link - LINK_HEAD.length, link))) return undefined;
  return {
    count: head.count - ELEMENTS,
    elements: message.subarray(head.length, end),
    link: message.subarray(link, place),
    signature: message.subarray(end + SIGNATURE_HEAD.length),
  };
}

/** Tells the messages of an origin from those of others, by its public key. */
export class SealCheck {
  /** How many signatures were checked. */
  checks = 0;
  readonly #keys: readonly KeyObject[];

  /** @param publicKeys of the origin; several while it changes. @throws OptionError if one is no key. */
  constructor(publicKeys: readonly string[]) {
    this.#keys = publicKeys.map((text) => {
      if (!KEY.test(text)) {
        throw new OptionError(
          `${JSON.stringify(text.slice(0, 60))} is no public key of an origin, 43 characters of A-Z a-z 0-9 _ -: muse-bus doctor at the origin shows it`,
        );
      }
      const der = Buffer.concat([PUBLIC_HEAD, Buffer.from(text, 'base64url')]);
      return createPublicKey({ key: der, format: 'der', type: 'spki' });
    });
  }

  /** Whether a message was signed for this place of the stream. */
  isSealed(subject: string, sequence: number, message: Uint8Array): boolean {
    const found = partsOf(sequence, message);
    if (!found) return false;
    const { count, elements, signature } = found;
    return this.#isSigned(signedBytes(subject, count, elements), signature);
  }

  /**
   * Whether each of several messages, in the order of the stream, was signed for its place. A message that was signed vouches for the one
   * before it, by its link: a hash costs a hundredth of what a signature costs. Where a link is missing or leads elsewhere, the signature counts.
   */
  areSealed(messages: readonly SealedMessage[]): readonly boolean[] {
    const sealed = new Array<boolean>(messages.length);
    let link: Uint8Array | undefined;
    let linkFrom = 0;
    for (let i = messages.length - 1; i >= 0; i--) {
      const { subject, sequence, data } = messages[i]!;
      const found = partsOf(sequence, data);
      const isLinked = link !== undefined && linkFrom === sequence + 1 && linkTo(subject, data).equals(link);
      sealed[i] = found !== undefined && (isLinked || this.isSealed(subject, sequence, data));
      link = sealed[i] ? found!.link : undefined;
      linkFrom = sequence;
    }
    return sealed;
  }

  /** Whether a message outside the stream was signed, as {@link OriginSeal.sealJson} does it. */
  isSealedJson(subject: string, message: object): boolean {
    const { signature, ...rest } = message as { readonly signature?: unknown };
    if (typeof signature !== 'string') return false;
    return this.#isSigned(
      signedBytes(subject, 0, Buffer.from(JSON.stringify(rest))),
      Buffer.from(signature, 'base64url'),
    );
  }

  #isSigned(bytes: Uint8Array, signature: Uint8Array): boolean {
    this.checks++;
    return signature.length === SIGNATURE_BYTES && this.#keys.some((key) => verify(null, bytes, key, signature));
  }
}
