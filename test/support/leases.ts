/** The time `ms` milliseconds from now, as records write it. */
export const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

export const HOUR_MS = 3_600_000;

/** The data of a reservation that ends in an hour. */
export const reservation = (run: string, addresses: readonly string[], more: object = {}) => ({
  run_id: run,
  branch: 'main',
  addresses,
  expires_at: inFuture(HOUR_MS),
  ...more,
});
