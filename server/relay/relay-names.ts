import { KINDS, type Kind } from '../../protocol/index.js';

/** What a repository's stream and subjects are called. Two repositories have none in common. */
export class RelayNames {
  /** The stream that holds the repository's messages. */
  readonly stream: string;
  /** Every subject of the stream. */
  readonly all: string;
  /** Marks between the records' messages: where a base begins and ends. */
  readonly base: string;
  /** Who publishes. */
  readonly claim: string;
  /** Outside the stream, kept by nobody: signs of the origin's life, and questions to it. */
  readonly alive: string;
  readonly ask: string;
  readonly #records: readonly string[];

  constructor(readonly repository: string) {
    this.stream = `MUSE_${repository}`;
    this.all = `muse.${repository}.>`;
    this.base = `muse.${repository}.base`;
    this.claim = `muse.${repository}.origin`;
    this.alive = `muse-origin.${repository}.alive`;
    this.ask = `muse-origin.${repository}.ask`;
    this.#records = KINDS.map((kind) => `muse.${repository}.${kind}.`);
  }

  /** The subject of one record; its last message tells how the record stands. */
  record(kindNumber: number, id: string): string {
    return this.#records[kindNumber]! + encodeId(id);
  }

  /** The subjects of a kind's records. */
  kind(kind: Kind): string {
    return `muse.${this.repository}.${kind}.*`;
  }
}

/** An id as one token of a subject: what NATS gives a meaning to, and what is no ASCII, byte by byte as `=2E`. */
export function encodeId(id: string): string {
  if (PLAIN.test(id)) return id;
  let token = '';
  for (const byte of Buffer.from(id)) {
    const char = String.fromCharCode(byte);
    token += PLAIN.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return token;
}

const PLAIN = /^[A-Za-z0-9_:@+-]+$/;
