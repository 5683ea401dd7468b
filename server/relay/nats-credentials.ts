import type { Authenticator } from '@nats-io/transport-node';
import { readFileSync, statSync } from 'node:fs';
import type { RelayAccess } from '../config/relay-options.js';

type Transport = typeof import('@nats-io/transport-node');

/** What anybody on the host may do with a file, of its mode. */
const OTHERS = 0o007;

/**
 * Returns what tells NATS who connects. Files are read at each connection, so that what was renewed in its place is used. A file that is
 * missing for a moment, or half written, must not throw: the client of NATS would close the connection for good.
 */
export function authenticatorsOf(access: RelayAccess, transport: Transport): Authenticator[] {
  const { credsFile, nkeyFile, user, password, passwordFile, token, tokenFile } = access;
  const found: Authenticator[] = [];
  if (credsFile !== undefined) found.push(reading(credsFile, (bytes) => transport.credsAuthenticator(bytes)));
  if (nkeyFile !== undefined)
    found.push(reading(nkeyFile, (bytes) => transport.nkeyAuthenticator(seedIn(bytes.toString()))));
  if (user !== undefined) {
    const as = (secret: string | undefined): Authenticator => transport.usernamePasswordAuthenticator(user, secret);
    found.push(passwordFile === undefined ? as(password) : reading(passwordFile, (bytes) => as(lineOf(bytes))));
  }
  if (tokenFile !== undefined) found.push(reading(tokenFile, (bytes) => transport.tokenAuthenticator(lineOf(bytes))));
  else if (token !== undefined) found.push(transport.tokenAuthenticator(token));
  return found;
}

/** The last content that could be used stays in use until there is another. */
function reading(file: string, answer: (content: Buffer) => Authenticator): Authenticator {
  let usable: Authenticator | undefined;
  return (nonce) => {
    try {
      const fresh = answer(readFileSync(file));
      const auth = fresh(nonce);
      usable = fresh;
      return auth;
    } catch {
      // NATS refuses who says nothing, and is asked again.
      return usable?.(nonce);
    }
  };
}

const lineOf = (bytes: Buffer): string => bytes.toString().trimEnd();

/** The seed in a file as `nk -gen user` writes it: one line, perhaps among comments. */
function seedIn(text: string): Uint8Array {
  const seed = text.split('\n').find((line) => /^SU[A-Z2-7]+$/.test(line.trim()));
  return Buffer.from(seed?.trim() ?? '');
}

/** Returns the files of secrets that every user of this host can use. */
export function openSecretsOf({ credsFile, nkeyFile, passwordFile, tokenFile, tls }: RelayAccess): string[] {
  if (process.platform === 'win32') return [];
  const files = [credsFile, nkeyFile, passwordFile, tokenFile, tls?.keyFile];
  return files.filter((file) => file !== undefined).filter(isOpen);
}

function isOpen(file: string): boolean {
  return ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & OTHERS) !== 0;
}
