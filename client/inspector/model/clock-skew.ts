/** Less than this is not said: on one machine both clocks are the same. */
const TOLERANCE_MS = 50;

/**
 * Improves the estimate of how far the server's clock is ahead. A message was on its way for any part of a round trip, so the true difference
 * is at least what the message's time says, and at most a round trip more. The simplest difference within that is taken: none, then the one
 * that is known.
 * @param heardMs the server's time in the last message minus this clock when it arrived. @param roundTripMs of the connection's first ping,
 * which a page that is just loading may answer late
 */
export function betterSkew(knownMs: number, heardMs: number, roundTripMs: number): number {
  const isPossible = (skewMs: number): boolean =>
    skewMs > heardMs - TOLERANCE_MS && skewMs < heardMs + roundTripMs + TOLERANCE_MS;
  if (isPossible(0)) return 0;
  return isPossible(knownMs) ? knownMs : heardMs;
}
