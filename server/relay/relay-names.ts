import { kindIndex, KINDS, type Kind } from '../../protocol/index.js';
import { recordOf, type RelayMessage } from './relay-message.js';

/** The names of a repository's stream and subjects. Two repositories have no name in common. */
export class RelayNames {
  /** The stream that holds the repository's messages. */
  readonly stream: string;
  /** Every subject of the stream. */
  readonly all: string;
  /** The subject of the marks where a base begins and ends. */
  readonly base: string;
  /** The subject of claims: the process that publishes. */
  readonly claim: string;
  /** The subject of marks that the stream goes on after revisions that are missing. */
  readonly skip: string;
  /** The subject of the origin's heartbeats. The stream does not store it. */
  readonly alive: string;
  /** The subject of questions to the origin. The stream does not store it. */
  readonly ask: string;
  readonly #records: readonly string[];

  constructor(readonly repository: string) {
    this.stream = `MUSE_${repository}`;
    this.all = `muse.${repository}.>`;
    this.base = `muse.${repository}.base`;
    this.claim = `muse.${repository}.origin`;
    this.skip = `muse.${repository}.skip`;
    this.alive = `muse-origin.${repository}.alive`;
    this.ask = `muse-origin.${repository}.ask`;
    this.#records = KINDS.map((kind) => `muse.${repository}.${kind}.`);
  }

  /** The subject of one record. Its last message gives the record's current state. */
  record(kindNumber: number, id: string): string {
    return this.#records[kindNumber]! + encodeId(id);
  }

  /** The one subject under which a message belongs. */
  of(message: RelayMessage): string {
    switch (message.is) {
      case 'event':
      case 'standing': {
        const { kind, id } = recordOf(message);
        return this.record(kindIndex(kind), id);
      }
      case 'base':
        return this.base;
      case 'claim':
        return this.claim;
      case 'skip':
        return this.skip;
    }
  }

  /** The subjects of a kind's records. */
  kind(kind: Kind): string {
    return `muse.${this.repository}.${kind}.*`;
  }
}

/** Encodes an id as one token of a subject. Characters with a meaning in NATS, and all that are not ASCII, become `=2E`, byte by byte. */
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
