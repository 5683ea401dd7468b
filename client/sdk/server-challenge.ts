import { CHALLENGE_PATH, isChallengeProof, makeNonce } from '../../server/repository/index.js';
import { BusError } from './bus-error.js';

/** The greatest length of an answer to a challenge. */
export const MAX_PROOF_BYTES = 4_096;

/** A question that only a server with the token can answer. The token itself is not sent. */
export class ServerChallenge {
  readonly #nonce = makeNonce();
  /** Where to ask, below the url of the server's HTTP. */
  readonly path = `${CHALLENGE_PATH}?nonce=${this.#nonce}`;

  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** @throws BusError `untrusted-endpoint` if the answer does not prove that the server knows the token; `unreachable` if it is starting or full. */
  check(status: number, body: string): void {
    if (status === 429 || status === 503)
      throw new BusError('unreachable', 'the bus is starting, or full', 'try again');
    const proof = status === 200 ? proofIn(body) : undefined;
    if (proof !== undefined && isChallengeProof(proof, this.token, this.#nonce, new URL(this.url).host)) return;
    throw new BusError(
      'untrusted-endpoint',
      `who answers at ${this.url} does not know this repository's token`,
      'another program has that port: start the server with muse-bus serve',
    );
  }
}

function proofIn(body: string): string | undefined {
  try {
    const { proof } = (JSON.parse(body) ?? {}) as { readonly proof?: unknown };
    return typeof proof === 'string' ? proof : undefined;
  } catch {
    return undefined;
  }
}
