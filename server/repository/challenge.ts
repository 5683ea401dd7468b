import { randomBytes } from './random-bytes.js';
import { hmacSha256 } from './sha256.js';

/** The path at which a server proves that it knows the token. */
export const CHALLENGE_PATH = '/challenge';
const NONCE = /^[A-Za-z0-9_-]{22,86}$/;

/** Returns 256 random bits in base64url, so that an answer is valid for one question only. */
export const makeNonce = (): string => randomBytes(32).toString('base64url');

export const isNonce = (text: string): boolean => NONCE.test(text);

/**
 * Returns the proof that only a program with the token can make. It includes the authority, `host:port` as the client dialled
 * it. So a program that listens elsewhere cannot pass the question on to the server, which refuses a Host that is not its own.
 */
export function challengeProof(token: string, nonce: string, authority: string): string {
  const text = `muse-bus challenge\n${nonce}\n${authority.toLowerCase()}\n`;
  return hmacSha256(Buffer.from(token), Buffer.from(text)).toString('base64url');
}

export function isChallengeProof(proof: string, token: string, nonce: string, authority: string): boolean {
  // Who asked compares, once for each nonce: the time that it takes tells nobody anything.
  return proof === challengeProof(token, nonce, authority);
}
