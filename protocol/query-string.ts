/** One `name=value` of the query of a URL. */
export interface QueryParameter {
  readonly name: string;
  /** With `+` read as a space, as forms write it. */
  readonly value: string;
  /** With `+` read as itself, as in a path that was not encoded (`src/routes/+page.svelte`); only if the value has one. */
  readonly withPlus: string | undefined;
}

/**
 * Reads the parameters of a query. Unlike `URLSearchParams`, it refuses what is not UTF-8 in percent-encoding: read as another character, it
 * would be a question about another address, which nobody holds.
 * @param query without the question mark.
 * @throws URIError that names the parameter.
 */
export function parseQueryString(query: string): QueryParameter[] {
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
  // An engine of the server puts U+FFFD in place of bytes that are not UTF-8.
  if (!text.includes('\ufffd')) {
    try {
      return decodeURIComponent(text);
    } catch {
      // Refused below.
    }
  }
  throw new URIError(
    `${JSON.stringify(name.slice(0, 40))} is not UTF-8 in percent-encoding: write é as %C3%A9, and % as %25`,
  );
}
