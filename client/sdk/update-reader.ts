/** The source of a reader: a subscription. */
export interface ReadSource<T> {
  /** @returns `undefined` at the end. @throws the error that ended it. */
  take(): Promise<T | undefined>;
  /** The reader has finished and takes no more. */
  leave(): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The updates of a subscription, for one reader. In an async generator function `return` waits for a pending `next`; here `return` ends
 * the subscription at once.
 */
export class UpdateReader<T> implements AsyncGenerator<T, void, undefined> {
  constructor(private readonly source: ReadSource<T>) {}

  async next(): Promise<IteratorResult<T, undefined>> {
    const value = await this.source.take();
    return value === undefined ? DONE : { done: false, value };
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.source.leave();
    return Promise.resolve(DONE);
  }

  async throw(error: unknown): Promise<IteratorReturnResult<undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
