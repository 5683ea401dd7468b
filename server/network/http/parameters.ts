import { parseQueryString, type QueryParameter } from '../../../protocol/index.js';

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

/** @throws ParameterError for a query that is not UTF-8 in percent-encoding. */
export function readParameters(query: string): QueryParameter[] {
  try {
    return parseQueryString(query);
  } catch (error) {
    throw new ParameterError((error as Error).message);
  }
}
