import { closeSync, openSync, readSync } from 'node:fs';
import { CliError } from '../cli-error.js';
import { fileError } from '../file-error.js';

/** Flags that would contain a secret, and what to use instead. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['--token', '--token-file FILE (- for stdin), or MUSE_BUS_TOKEN in the environment'],
  ['--relay-password', '--relay-password-file FILE, or MUSE_BUS_RELAY_PASSWORD in the environment'],
  ['--relay-token', '--relay-token-file FILE, or MUSE_BUS_RELAY_TOKEN in the environment'],
]);
const MAX_TOKEN_BYTES = 4_096;

/**
 * Refuses secrets as arguments, because every user of the machine can read the arguments of every process.
 * @param args the arguments of any command.
 * @throws CliError that does not repeat the secret.
 */
export function refuseSecrets(args: readonly string[]): void {
  const end = args.indexOf('--');
  for (const arg of end === -1 ? args : args.slice(0, end)) {
    const flag = arg.split('=', 1)[0]!;
    const instead = INSTEAD.get(flag);
    if (instead === undefined) continue;
    throw new CliError(
      `${flag} is refused: every user of this machine could read it in the process list`,
      'bad_args',
      `use ${instead}`,
    );
  }
}

/** Commander's message about an unknown flag, without the value in it. */
export const withoutValue = (message: string): string =>
  message.replace(/^((?:error: )?unknown option '[^=]*)=[^]*'(?=\n\(Did you mean|$)/, "$1'");

/** Returns a url that contains nothing but host and port. */
export function addressWithoutSecret(url: string, where: string): string {
  if (!/[@?#]/.test(url)) return url;
  const hint = 'use ws://host:port; give a token with --token-file FILE, or MUSE_BUS_TOKEN in the environment';
  throw new CliError(
    `${where} must not contain a user, query or fragment: process lists would show a secret in it`,
    'bad_args',
    hint,
  );
}

/**
 * Reads a token from a file, a pipe or, for `-`, from stdin.
 * @throws CliError that does not repeat it.
 */
export function readTokenFile(path: string): string {
  const name = path === '-' ? 'stdin' : path;
  const token = contentOf(path, name).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const why = token === '' ? 'it is empty' : 'it must contain one line of printable ASCII and nothing else';
  throw new CliError(`cannot read the token from ${name}: ${why}`);
}

function contentOf(path: string, name: string): string {
  const buffer = Buffer.alloc(MAX_TOKEN_BYTES + 1);
  let length = 0;
  try {
    const file = path === '-' ? 0 : openSync(path, 'r');
    try {
      while (length < buffer.length) {
        const count = readSync(file, buffer, length, buffer.length - length, null);
        if (count === 0) return buffer.toString('utf8', 0, length);
        length += count;
      }
    } finally {
      if (file !== 0) closeSync(file);
    }
  } catch (error) {
    throw fileError('read', name, error, { what: `the token from ${name}`, status: 'bad_args' });
  }
  throw new CliError(`cannot read the token from ${name}: it is longer than ${String(MAX_TOKEN_BYTES)} bytes`);
}
