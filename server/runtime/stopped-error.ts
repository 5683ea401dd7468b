/** A question that a server cannot answer any more, because it was stopped before it had read what the answer depends on. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';

  constructor() {
    super('the server was stopped before it had read everything');
  }
}
