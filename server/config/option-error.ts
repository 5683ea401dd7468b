/** An option outside its range; the message names it and says what it takes. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}
