import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { systemErrorWords } from '../../protocol/index.js';
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
  const pair = { cert: read('tlsCertFile', certFile), key: read('tlsKeyFile', keyFile) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const why = (error as Error).message;
    throw new OptionError(`tlsCertFile and tlsKeyFile must be a certificate and its key in PEM: ${why}`);
  }
  return pair;
}

function read(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new OptionError(`${option} ${file} cannot be read: ${systemErrorWords(error)}`);
  }
}
