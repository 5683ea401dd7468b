/** Another server publishes this repository. */
export class RelayTakenError extends Error {
  override readonly name = 'RelayTakenError';
}
