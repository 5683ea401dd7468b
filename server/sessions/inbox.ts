import { CloseCode } from '../../protocol/index.js';
import type { Connection } from './connection.js';
import type { Intake, MessageSource } from './intake.js';
import type { Session } from './session.js';

/** The approximate memory of a waiting message beyond its payload. */
const OVERHEAD_BYTES = 128;

interface Waiting {
  readonly payload: Uint8Array;
  readonly isBinary: boolean;
}

/** Passes a transport's events to a session. It keeps messages, in their order, while the turn's time for messages is used up. */
export class Inbox implements Connection, MessageSource {
  /** The messages from index `#next` on are waiting. `undefined` if none is. */
  #waiting: Waiting[] | undefined;
  #next = 0;
  #waitingBytes = 0;

  constructor(
    private readonly session: Session,
    private readonly intake: Intake,
    private readonly maxUnheardBytes: number,
  ) {}

  message(payload: Uint8Array, isBinary: boolean): void {
    if (this.#waiting === undefined && this.intake.hasTime()) {
      this.session.message(payload, isBinary);
      return;
    }
    if (this.session.isClosed()) return;
    this.#waitingBytes += payload.length + OVERHEAD_BYTES;
    if (this.#waitingBytes > this.maxUnheardBytes) {
      const most = `${String(this.maxUnheardBytes)} bytes of messages wait to be processed (max_unheard_bytes)`;
      this.session.end(CloseCode.tooMany, `more than ${most}`);
      this.#forget();
      return;
    }
    // A copy, because the transport's bytes are valid only during its call.
    (this.#waiting ??= []).push({ payload: Buffer.from(payload), isBinary });
    this.intake.add(this);
  }

  handleNext(): boolean {
    const next = this.#waiting?.[this.#next++];
    if (next === undefined) return false;
    this.#waitingBytes -= next.payload.length + OVERHEAD_BYTES;
    if (this.#next === this.#waiting?.length) this.#forget();
    this.session.message(next.payload, next.isBinary);
    if (this.session.isClosed()) this.#forget();
    return this.#waiting !== undefined;
  }

  control(): void {
    this.session.control();
  }

  drained(): void {
    this.session.drained();
  }

  closed(): void {
    this.#forget();
    this.session.closed();
  }

  #forget(): void {
    this.#waiting = undefined;
    this.#next = 0;
    this.#waitingBytes = 0;
    this.intake.delete(this);
  }
}
