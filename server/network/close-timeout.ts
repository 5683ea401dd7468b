/** How long clients that are slow to read may take to be told that the server goes away; the rest is cut off. */
export const CLOSE_TIMEOUT_MS = 1_500;
