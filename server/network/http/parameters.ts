/** A query that is refused; the message names the parameter and what it takes. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
  constructor(
    message: string,
    /** Lines below the message: a query, and a caret under its wrong character. */
    readonly marked: readonly string[] = [],
  ) {
    super(message);
  }
}

/** One `name=value` of a query. */
export interface GivenParameter {
  readonly name: string;
  /** With `+` read as a space, as forms write it. */
  readonly value: string;
  /** With `+` read as itself, as in a path that was not encoded (`src/routes/+page.svelte`); only if the value has one. */
  readonly withPlus: string | undefined;
}

/**
 * Reads the parameters of a query. Unlike `URLSearchParams`, it refuses what is not UTF-8 in percent-encoding: read as another character, it
 * would be a question about another address, which nobody holds.
 * @throws ParameterError
 */
export function readParameters(query: string): GivenParameter[] {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const end = part.includes('=') ? part.indexOf('=') : part.length;
      const [name, value] = [part.slice(0, end), part.slice(end + 1)];
      const read = (text: string): string => decoded(text, name);
      const withPlus = value.includes('+') ? read(value) : undefined;
      return { name: read(name.replaceAll('+', ' ')), value: read(value.replaceAll('+', ' ')), withPlus };
    });
}

function decoded(text: string, name: string): string {
  // An engine puts U+FFFD in place of bytes that are not UTF-8.
  if (!text.includes('\ufffd')) {
    try {
      return decodeURIComponent(text);
    } catch {
      // Refused below.
    }
  }
  throw new ParameterError(
    `${JSON.stringify(name.slice(0, 40))} is not UTF-8 in percent-encoding: write é as %C3%A9, and % as %25`,
  );
}
