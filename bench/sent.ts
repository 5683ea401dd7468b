/** When a burst began, and when each of its events was sent. */
export interface Sent {
  readonly startedAtMs: number;
  readonly atMs: readonly number[];
}
