/** An option is invalid or cannot be used. The message names the option and says what it accepts. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}
