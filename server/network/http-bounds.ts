/**
 * The bounds of an HTTP connection on both engines. A connection serves one request. A client that sends several at once, reads no
 * answer, or hides a second request in the first one's body gets the first answer and nothing more.
 */

/** How long a client may take to send the head of its request, from when the connection is accepted. */
export const REQUEST_HEAD_MS = 5_000;
/** How long a client may take to read an answer that is no stream. */
export const ANSWER_MS = 30_000;
/** How long the server waits, after an answer, for the client to read it and close first. */
export const LINGER_MS = 100;
/** How long a client that has broken a limit may take to read the reason before its connection is cut. */
export const LAST_WORD_MS = 500;
