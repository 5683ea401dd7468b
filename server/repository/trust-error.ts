/**
 * What is wrong: `link`: something is no directory or file of its own; `owner`: it is another user's; `writable`: others can write
 * to it; `replaced`: it is no longer what it was.
 */
export type TrustFault = 'link' | 'owner' | 'writable' | 'replaced';

/** Something that would have to be believed cannot be; the message names it, and the hint says what to do. */
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
