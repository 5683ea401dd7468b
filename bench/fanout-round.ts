export interface Load {
  readonly clients: number;
  readonly events: number;
  readonly bytes: number;
}

export interface Round {
  readonly deliveriesPerSecond: number;
  /** CPU time of the serving process per million deliveries. */
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
  /** The time from sending an event to its decoding at one of the sampled clients; `undefined` if all clients only count. */
  readonly p99Ms: number | undefined;
}
