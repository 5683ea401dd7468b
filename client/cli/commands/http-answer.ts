import { BoundedBytes } from '../../sdk/bounded-bytes.js';

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const MAX_LINE_BYTES = 16_384;
const MAX_LINES = 128;

/** What comes next. `sized`: so many bytes of the body, `then` what follows them. `rest`: everything until the connection ends. */
type Next =
  | { readonly is: 'status' | 'header' | 'chunk size' | 'chunk end' | 'trailer' | 'rest' | 'done' }
  | { readonly is: 'sized'; readonly left: number; readonly then: Next };

const DONE: Next = { is: 'done' };

/** Reads one answer of HTTP/1.1 from the bytes of a connection, as RFC 9112 delimits it: by its length, in chunks, or by the end. */
export class HttpAnswerReader {
  #unread: Buffer = Buffer.alloc(0);
  #next: Next = { is: 'status' };
  #lines = 0;
  #status = 0;
  #length: number | undefined;
  #isChunked = false;
  readonly #body: BoundedBytes;

  /** @param maxBytes the longest body. */
  constructor(maxBytes: number) {
    this.#body = new BoundedBytes(maxBytes, () => new Error('the answer is too long'));
  }

  /** Whether nothing of the answer has come yet. */
  get isUntouched(): boolean {
    return this.#lines === 0 && this.#unread.length === 0;
  }

  /** Takes the next bytes. @returns the answer if it is complete. @throws Error if it is not HTTP, or too long. */
  take(bytes: Buffer): HttpAnswer | undefined {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    let isMore = true;
    while (isMore) isMore = this.#step();
    return this.#next.is === 'done' ? this.#answer() : undefined;
  }

  /** Takes the end of the connection. @throws Error if the answer is not complete. */
  end(): HttpAnswer {
    if (this.#next.is === 'rest' || this.#next.is === 'done') return this.#answer();
    throw new Error('the connection ended before the answer did');
  }

  #answer(): HttpAnswer {
    return { status: this.#status, body: this.#body.text };
  }

  /** @returns whether more can be done with the bytes that have come. */
  #step(): boolean {
    const next = this.#next;
    if (next.is === 'done') return false;
    if (next.is === 'rest') return this.#keep(this.#unread.length);
    if (next.is === 'sized') {
      const count = Math.min(next.left, this.#unread.length);
      this.#keep(count);
      this.#next = count === next.left ? next.then : { ...next, left: next.left - count };
      return count === next.left;
    }
    const line = this.#line();
    if (line === undefined) return false;
    this.#next = this.#after(next.is, line);
    return true;
  }

  #after(is: 'status' | 'header' | 'chunk size' | 'chunk end' | 'trailer', line: string): Next {
    switch (is) {
      case 'status':
        this.#status = Number(matched(/^HTTP\/1\.[01] (\d{3})(?: |$)/, line));
        return { is: 'header' };
      case 'header':
        if (line === '') return this.#afterHead();
        this.#header(line);
        return { is: 'header' };
      case 'chunk size': {
        const left = Number.parseInt(matched(/^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i, line), 16);
        return left === 0 ? { is: 'trailer' } : { is: 'sized', left, then: { is: 'chunk end' } };
      }
      case 'chunk end':
        matched(/^()$/, line);
        // Only the lines of a head and of a trailer are counted.
        this.#lines = 1;
        return { is: 'chunk size' };
      case 'trailer':
        return line === '' ? DONE : { is: 'trailer' };
    }
  }

  #header(line: string): void {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).toLowerCase()) {
      case 'content-length':
        if (this.#length !== undefined) throw malformed(line);
        this.#length = Number(matched(/^(\d{1,15})$/, value));
        return;
      case 'transfer-encoding':
        matched(/^(chunked)$/i, value);
        this.#isChunked = true;
        return;
      case '':
        throw malformed(line);
    }
  }

  #afterHead(): Next {
    // An interim answer, before the one that counts.
    if (this.#status < 200) return { is: 'status' };
    if (this.#isChunked) return { is: 'chunk size' };
    if (this.#status === 204 || this.#status === 304) return DONE;
    return this.#length === undefined ? { is: 'rest' } : { is: 'sized', left: this.#length, then: DONE };
  }

  #keep(count: number): boolean {
    this.#body.add(this.#unread.subarray(0, count));
    this.#unread = this.#unread.subarray(count);
    return false;
  }

  #line(): string | undefined {
    const end = this.#unread.indexOf('\r\n');
    if (end > MAX_LINE_BYTES || (end === -1 && this.#unread.length > MAX_LINE_BYTES) || this.#lines > MAX_LINES)
      throw new Error('the head of the answer is too long');
    if (end === -1) return undefined;
    this.#lines++;
    const line = this.#unread.toString('latin1', 0, end);
    this.#unread = this.#unread.subarray(end + 2);
    return line;
  }
}

function matched(pattern: RegExp, line: string): string {
  const found = pattern.exec(line);
  if (found === null) throw malformed(line);
  return found[1]!;
}

const malformed = (line: string): Error => new Error(`not an answer of HTTP: ${JSON.stringify(line.slice(0, 100))}`);
