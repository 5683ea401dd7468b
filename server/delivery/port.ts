import { CloseCode } from '../../protocol/index.js';

/** The result of sending a frame: the kernel took it, the socket queued it, or the socket refused it. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/** Takes frames: a WebSocket, or a replacement inside the process. After it is closed, every call is harmless. */
export interface Socket {
  /** Sends a frame as binary or text, as the connection's encoding needs. */
  send(frame: Uint8Array): SendResult;
  /** The bytes in the socket's queue, which the kernel has not taken. */
  readonly queuedBytes: number;
  /** The address of the other end; `undefined` for a replacement inside the process. */
  readonly remote?: string;
  close(code: CloseCode, reason: string): void;
}

/** `open`: takes frames. `congested`: the queue is full; the port opens again when half of it has drained. `closed`: takes no frames. */
export type PortState = 'open' | 'congested' | 'closed';

/** Receives the notices of a port. */
export interface PortOwner {
  /** A congested port is open again. */
  opened(): void;
  /** A congested port had an empty queue, and the engine did not report that it had drained: a fault of the engine. */
  stalled(): void;
}

/** The way to one client: passes frames to its socket and bounds the socket's queue. */
export class Port {
  #state: PortState = 'open';
  /** Whether frames may still be in the socket's queue. */
  #hasQueued = false;
  /** Whether the port was congested with an empty queue: found once (`suspected`), or twice, and then opened (`ended`). */
  #stall: 'none' | 'suspected' | 'ended' = 'none';

  constructor(
    readonly socket: Socket,
    /** The bytes that may wait in the socket's queue. */
    private readonly maxQueuedBytes: number,
    private readonly owner: PortOwner,
  ) {}

  get state(): PortState {
    return this.#state;
  }

  isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Passes a frame to the socket, however full its queue is, and updates the state by the result. */
  send(frame: Uint8Array): SendResult {
    if (this.#state === 'closed') return 'dropped';
    const result = this.socket.send(frame);
    if (result === 'queued') this.#hasQueued = true;
    const isFull = result === 'queued' && this.socket.queuedBytes > this.maxQueuedBytes;
    if (isFull || result === 'dropped') this.#congest();
    // The queue drained before the engine reported it. With nothing in the queue, the engine may never report it.
    else if (result === 'sent' && this.#state === 'congested') this.drained();
    if (this.#stall === 'ended') this.#reportStall(result);
    return result;
  }

  /** Sends a frame that can be sent again later. If the queue has no room for it: `dropped`, and the port is congested. */
  offer(frame: Uint8Array): SendResult {
    return this.claim(frame.length) ? this.send(frame) : 'dropped';
  }

  /** Sends a frame that cannot be sent again later. If the socket refuses it, the connection is closed. */
  sendOrClose(frame: Uint8Array): void {
    if (this.send(frame) !== 'dropped' || this.#state === 'closed') return;
    this.close(CloseCode.tooSlow, 'the connection takes no more');
  }

  /** Whether the queue has room for this many bytes; an empty queue takes any number. If not, the port becomes congested. */
  claim(bytes: number): boolean {
    if (this.#state !== 'open') return false;
    // Saves a call to the engine for a socket that has queued nothing.
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

  /** To be called when the engine reports that the socket's queue has become shorter. */
  drained(): void {
    if (this.#state !== 'congested' || this.socket.queuedBytes > this.maxQueuedBytes / 2) return;
    this.#state = 'open';
    this.owner.opened();
  }

  /**
   * Finds out whether the port is congested with an empty queue: then no report of the engine would open it. No engine should
   * leave a port so. If the second call in a row finds it so, the port is opened, and `stalled` is called after the next frame.
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

  /** Closes the socket. */
  close(code: CloseCode, reason: string): void {
    this.socket.close(code, reason);
    this.#state = 'closed';
  }

  /** To be called when the socket has been closed, by either end. */
  closed(): void {
    this.#state = 'closed';
  }

  #congest(): void {
    if (this.#state === 'open') this.#state = 'congested';
  }

  /** Reports a stall if the socket takes the next frame. A socket that drops it is being closed, and was not stalled. */
  #reportStall(result: SendResult): void {
    this.#stall = 'none';
    if (result !== 'dropped') this.owner.stalled();
  }
}
