import { CloseCode } from '../../protocol/index.js';

/** What became of a frame: on its way, in the queue of the socket, or refused. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/** Where frames go: a WebSocket, or what stands in its place. After it is closed every call is harmless. */
export interface Socket {
  /** Binary or text, as the connection's encoding asks. */
  send(frame: Uint8Array): SendResult;
  /** Bytes handed over that the kernel has not taken. */
  readonly queuedBytes: number;
  /** Address of the other end; none inside a process. */
  readonly remote?: string;
  close(code: CloseCode, reason: string): void;
}

/** `open`: takes frames. `congested`: its queue is full; it opens again when half of it has drained. `closed`: takes nothing more. */
export type PortState = 'open' | 'congested' | 'closed';

/** Who is told what happens to a port. */
export interface PortOwner {
  /** A congested port is open again. */
  opened(): void;
  /** A congested port had an empty queue and nobody said so: a fault of an engine. */
  stalled(): void;
}

/** The way to one client: passes frames to its socket, and keeps what waits for it within a bound. */
export class Port {
  #state: PortState = 'open';
  /** Something waited in the socket's queue when it was last sent to. */
  #hasQueued = false;
  /** Congested with an empty queue: seen at the last look, or put right since. */
  #stall: 'none' | 'suspected' | 'ended' = 'none';

  constructor(
    readonly socket: Socket,
    /** Bytes that may wait in the socket's queue. */
    private readonly maxQueuedBytes: number,
    private readonly owner: PortOwner,
  ) {}

  get state(): PortState {
    return this.#state;
  }

  isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Passes a frame to the socket, whatever waits there, and looks at what became of it. */
  send(frame: Uint8Array): SendResult {
    if (this.#state === 'closed') return 'dropped';
    const result = this.socket.send(frame);
    if (result === 'queued') this.#hasQueued = true;
    const isFull = result === 'queued' && this.socket.queuedBytes > this.maxQueuedBytes;
    if (isFull || result === 'dropped') this.#congest();
    // The engine had room again before it said so, and may not say it now that nothing waits.
    else if (result === 'sent' && this.#state === 'congested') this.drained();
    if (this.#stall === 'ended') this.#reportStall(result);
    return result;
  }

  /** Sends what can be sent again later: `dropped`, and the port congested, where more would wait than may. */
  offer(frame: Uint8Array): SendResult {
    return this.claim(frame.length) ? this.send(frame) : 'dropped';
  }

  /** Sends what nobody can repeat: where the socket refuses it, the connection ends. */
  sendOrClose(frame: Uint8Array): void {
    if (this.send(frame) !== 'dropped' || this.#state === 'closed') return;
    this.close(CloseCode.tooSlow, 'the connection takes no more');
  }

  /** Makes sure that so many bytes more may wait; an empty queue takes anything. Where they may not, the port is congested from now on. */
  claim(bytes: number): boolean {
    if (this.#state !== 'open') return false;
    // The engine is not asked about a socket that has always taken everything.
    if (!this.#hasQueued) return true;
    const { queuedBytes } = this.socket;
    if (queuedBytes === 0) {
      this.#hasQueued = false;
      return true;
    }
    if (queuedBytes + bytes <= this.maxQueuedBytes) return true;
    this.#congest();
    return false;
  }

  /** The socket says that its queue has become shorter. */
  drained(): void {
    if (this.#state !== 'congested' || this.socket.queuedBytes > this.maxQueuedBytes / 2) return;
    this.#state = 'open';
    this.owner.opened();
  }

  /**
   * Looks for a congested port whose queue is empty: nobody would open it. No engine of ours leaves one so; should one do it,
   * the second look that finds it so opens the port, and its owner is told.
   */
  lookForStall(): void {
    if (this.#state !== 'congested') return;
    if (this.socket.queuedBytes > 0) {
      this.#stall = 'none';
    } else if (this.#stall !== 'suspected') {
      this.#stall = 'suspected';
    } else {
      this.#stall = 'ended';
      this.drained();
    }
  }

  /** Closes the socket; nothing is sent any more. */
  close(code: CloseCode, reason: string): void {
    this.socket.close(code, reason);
    this.#state = 'closed';
  }

  /** The socket has been closed, by either end. */
  closed(): void {
    this.#state = 'closed';
  }

  #congest(): void {
    if (this.#state === 'open') this.#state = 'congested';
  }

  /** A socket that takes the next frame had been waited for in vain; one that drops it is being closed. */
  #reportStall(result: SendResult): void {
    this.#stall = 'none';
    if (result !== 'dropped') this.owner.stalled();
  }
}
