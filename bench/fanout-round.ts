export interface Load {
  readonly clients: number;
  readonly events: number;
  readonly bytes: number;
}

export interface Round {
  readonly deliveriesPerSecond: number;
  /** Of the serving process, per million deliveries. */
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
  /** From sending an event to its decoding at one of the sampled clients; none where they only count. */
  readonly p99Ms: number | undefined;
}
