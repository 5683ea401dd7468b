import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

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
  return createHmac('sha256', token).update(text).digest('base64url');
}

export function isChallengeProof(proof: string, token: string, nonce: string, authority: string): boolean {
  const expected = Buffer.from(challengeProof(token, nonce, authority));
  const given = Buffer.from(proof);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
