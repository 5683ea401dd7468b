import { systemErrorWords } from '../../protocol/index.js';
import { TrustError } from '../../server/repository/index.js';
import { BusError } from '../sdk/bus-error.js';

/** The failure of a command. It is shown without a stack, as text or JSON. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    message: string,
    /** For programs: `bad_args` for a mistake in the arguments, another word for other failures. */
    readonly status = 'bad_args',
    readonly hint = '',
    readonly exitCode = 1,
    /** Lines below the message: a query, and a caret under its wrong character. */
    readonly marked: readonly string[] = [],
  ) {
    super(message);
  }
}

/** An argument as it was typed, for the end of a sentence: an empty one would say nothing. */
export const asTyped = (text: string): string => (text.trim() === '' ? `'${text}'` : text);

/** Returns a thrown value as the failure that the user sees. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof BusError) return new CliError(error.message, error.code.replaceAll('-', '_'), error.hint);
  if (error instanceof TrustError) return new CliError(error.message, 'untrusted', error.hint);
  if (error instanceof Error && error.name === 'OptionError') return new CliError(asFlags(error.message));
  return new CliError(wordsOf(error), 'failed');
}

/** The server names its options; a person typed flags. */
const asFlags = (message: string): string =>
  message.replace(/\btls(Cert|Key)File\b/g, (_, which: string) => `--tls-${which.toLowerCase()}`);

const CALLS: Readonly<Record<string, string>> = { mkdir: 'make', scandir: 'list', unlink: 'remove', rm: 'remove' };

/** A failed call on a file says which file, and why in words. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === undefined || path === undefined) return error.message;
  return `cannot ${CALLS[syscall] ?? syscall} ${path}: ${systemErrorWords(error)}`;
}
