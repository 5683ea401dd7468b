/**
 * What bounds an HTTP connection on both engines. A connection serves one request: whoever sends several at once, reads none
 * of the answers or hides a second request in the first one's body gets nothing more than the first answer.
 */

/** How long a connection may take to send its request's head, from when it is accepted. */
export const REQUEST_HEAD_MS = 5_000;
/** How long the answer to somebody who has no token may take to be read. */
export const ANSWER_MS = 30_000;
/** For the other end to read its answer and close before we do. */
export const LINGER_MS = 100;
/** How long somebody who has broken a limit may take to read why. */
export const LAST_WORD_MS = 500;
