import { ProtocolError } from './errors.js';

/** The most characters of a connection's name. */
export const MAX_CONNECTION_NAME_LENGTH = 128;
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Reads the name of a connection. @throws ProtocolError `bad-option` for a name that does not fit on one line of a table or a log. */
export function parseConnectionName(name: unknown): string {
  const isText = typeof name === 'string' && name.isWellFormed() && !UNPRINTABLE.test(name);
  if (isText && name !== '' && name.length <= MAX_CONNECTION_NAME_LENGTH) return name;
  const most = `1 to ${String(MAX_CONNECTION_NAME_LENGTH)} characters`;
  throw new ProtocolError(
    'bad-option',
    `the name of a connection must be a string of ${most}, without control characters`,
  );
}
