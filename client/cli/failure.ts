import { TrustError } from '../../server/repository/index.js';
import { BusError } from '../bus-error.js';

/** A command cannot go on; shown without a stack, in the form the caller reads. */
export class Failure extends Error {
  override readonly name = 'Failure';
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
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof BusError) return new Failure(error.message, error.code.replaceAll('-', '_'), error.hint);
  if (error instanceof TrustError) return new Failure(error.message, 'untrusted', error.hint);
  if (error instanceof Error && error.name === 'OptionError') return new Failure(error.message);
  return new Failure(error instanceof Error ? error.message : String(error), 'failed');
}
