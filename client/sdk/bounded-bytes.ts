/** Bytes from another program, up to a bound: it could send so many that there is no memory for them. */
export class BoundedBytes {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** @param tooLong makes the error for more bytes than `most`. */
  constructor(
    private readonly most: number,
    private readonly tooLong: () => Error,
  ) {}

  /** @throws what `tooLong` returns. The bytes before are dropped: nobody reads a part of an answer. */
  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.most) {
      this.#chunks.length = 0;
      throw this.tooLong();
    }
    this.#chunks.push(chunk);
  }

  get length(): number {
    return this.#length;
  }

  /** Adds all that comes. @returns this, at the end of it. @throws the error of the source, or for too many bytes. */
  async addAll(source: AsyncIterable<Buffer>): Promise<this> {
    for await (const chunk of source) this.add(chunk);
    return this;
  }

  /** As UTF-8, without a mark of encoding at the beginning: PowerShell and editors on Windows begin with one. */
  get text(): string {
    return Buffer.concat(this.#chunks)
      .toString()
      .replace(/^\uFEFF/, '');
  }
}
