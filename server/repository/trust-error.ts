/**
 * What is wrong with a file or directory. `link`: it is a link or of another type. `owner`: it belongs to another user.
 * `writable`: other users can write to it. `replaced`: it was replaced, or its content is not valid.
 */
export type TrustFault = 'link' | 'owner' | 'writable' | 'replaced';

/** A file or directory cannot be trusted; the message names it, and the hint says what to do. */
export class TrustError extends Error {
  override readonly name = 'TrustError';
  readonly code = 'MUSE_BUS_UNTRUSTED';

  constructor(
    readonly fault: TrustFault,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
