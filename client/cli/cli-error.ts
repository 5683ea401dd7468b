import { TrustError } from '../../server/repository/index.js';
import { BusError } from '../sdk/bus-error.js';

/** A command cannot go on; shown without a stack, in the form the caller reads. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    message: string,
    /** For programs: `bad_args` for what the caller wrote, another word for what went wrong. */
    readonly status = 'bad_args',
    readonly hint = '',
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** What a thrown value means to the user of a command. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof BusError) return new CliError(error.message, error.code.replaceAll('-', '_'), error.hint);
  if (error instanceof TrustError) return new CliError(error.message, 'untrusted', error.hint);
  if (error instanceof Error && error.name === 'OptionError') return new CliError(error.message);
  return new CliError(error instanceof Error ? error.message : String(error), 'failed');
}
