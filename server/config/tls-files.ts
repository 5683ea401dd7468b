import { createSecureContext } from 'node:tls';
import { readOptionFile } from './option-file.js';
import { OptionError } from './option-error.js';

/** The paths of the certificate and its key, in PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads a certificate and its key, and checks that they match, before an engine uses them.
 * @throws OptionError with the option's name if a file cannot be read, or the two do not match.
 */
export function readTls({ certFile, keyFile }: TlsFiles): TlsPair {
  const pair = { cert: readOptionFile('tlsCertFile', certFile), key: readOptionFile('tlsKeyFile', keyFile) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const why = (error as Error).message;
    throw new OptionError(`tlsCertFile and tlsKeyFile must be a certificate and its key in PEM: ${why}`);
  }
  return pair;
}
