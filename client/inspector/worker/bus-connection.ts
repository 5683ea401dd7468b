import { parseTimestamp, type BusEvent } from '../../../protocol/index.js';
import { BusClient, type BusStatus, type Update } from '../../sdk/browser.js';
import { httpUrl } from '../../sdk/bus-url.js';
import type { Dial } from '../../sdk/channel.js';
import { unseenOf } from '../../sdk/unseen.js';
import { webDial } from '../../sdk/web-channel.js';
import { betterSkew } from '../model/clock-skew.js';
import type { Mark } from '../model/entry.js';
import type { ReadLine } from '../model/ndjson.js';
import type { PastEvents } from '../model/history.js';
import type { ConnectionState, ResyncNotice } from './connection-state.js';
import { readPast } from './past-reader.js';

export interface BusListener {
  /** @param epoch the one that the event's revision belongs to */
  event(event: ReadLine, epoch: string): void;
  mark(mark: Mark): void;
  /** Called once, when the first snapshot is complete. */
  ready(): void;
  state(state: ConnectionState): void;
  /** Called with each frame as it was received, before it is decoded. */
  frame(frame: string): void;
}

/** The most change events that are buffered here. Further events wait on the server, where they delay no other client. */
const MAX_BUFFERED_EVENTS = 8_192;
const RETRY_MS = 1_500;
/** How long the page shows the notice of a resync. */
const NOTICE_MS = 30_000;

/** The connection to one bus through the SDK. It reports events, marks and the state of the connection. */
export class BusConnection {
  #client: BusClient | undefined;
  #isClosed = false;
  #skewMs = 0;
  #resync: ResyncNotice | undefined;
  #records = 0;
  #isSynced = false;
  #lostMs: number | undefined;
  /** The revision of the first complete snapshot. What was before is in the bus's history. */
  #firstRevision: number | undefined;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly listener: BusListener,
  ) {}

  /** Returns the time on the server's clock, as far as it is known. */
  now(): number {
    return Date.now() + this.#skewMs;
  }

  get client(): BusClient | undefined {
    return this.#client;
  }

  /** Connects, and tries again until the server answers. Ends when the server refuses the token. */
  async open(): Promise<void> {
    this.listener.state({ state: 'connecting' });
    for (let attempt = 1; !this.#hasEnded(); attempt++) {
      const client = new BusClient(this.#dial());
      this.#client = client;
      try {
        await client.open();
        client.watchStatus((status) => {
          this.#statusChanged(status);
        });
        this.#statusChanged(client.status);
        await this.#read(client);
        return;
      } catch (error) {
        if (this.#hasEnded() || (await this.#isRefused())) return;
        this.#lost(attempt, error instanceof Error ? error.message : String(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Reads what happened before this connection. @returns `undefined` before the first snapshot is complete. */
  async past(sinceMs: number): Promise<PastEvents | undefined> {
    const client = this.#client;
    const revision = this.#firstRevision;
    if (!client || revision === undefined) return undefined;
    const toLine = (event: BusEvent): ReadLine => ({ ...this.#toLine(event), lagMs: undefined });
    const unavailable: PastEvents = { events: [], beginning: 'unavailable', after: revision, fromMs: Infinity };
    return readPast(client, revision, sinceMs, toLine).catch(() => unavailable);
  }

  close(): void {
    this.#isClosed = true;
    void this.#client?.close();
  }

  #hasEnded(): boolean {
    return this.#isClosed;
  }

  #dial(): Dial {
    return webDial(this.url, this.token, (frame) => {
      this.listener.frame(frame);
    });
  }

  async #read(client: BusClient): Promise<void> {
    for await (const update of client.subscribe({}, { bufferSize: MAX_BUFFERED_EVENTS }).updates()) this.#apply(update);
  }

  #apply(update: Update): void {
    switch (update.type) {
      case 'event':
        this.listener.event(this.#toLine(update.event), epochOf(update.event.cursor));
        if (!this.#isSynced && ++this.#records % 5_000 === 0) this.#reportState();
        return;
      case 'synced':
        this.#isSynced = true;
        this.#synced(Number(update.cursor.slice(epochOf(update.cursor).length + 1)));
        this.#reportState();
        return;
      case 'resync':
        this.#isSynced = false;
        this.#records = 0;
        if (update.reason !== 'interrupted') this.#resync = { reason: update.reason, atMs: this.now() };
        this.listener.mark({ type: 'resync', reason: update.reason });
        this.#reportState();
        return;
    }
  }

  #synced(revision: number): void {
    const isFirst = this.#firstRevision === undefined;
    this.#firstRevision ??= revision;
    this.listener.mark({ type: 'synced', revision });
    if (isFirst) this.listener.ready();
  }

  #toLine(event: BusEvent): ReadLine {
    const { event_type: type, kind, id, data, revision, timestamp, reason, problem, observed } = event;
    const now = this.now();
    const isPast = type === 'snapshot' || observed === 'restart';
    const atMs = type === 'snapshot' ? now : (parseTimestamp(timestamp) ?? now);
    return {
      type,
      kind,
      id,
      data,
      revision,
      atMs,
      lagMs: isPast ? undefined : Math.max(0, now - atMs),
      reason,
      problem,
      observed: observed === 'restart' ? observed : undefined,
    };
  }

  #statusChanged(status: BusStatus): void {
    switch (status.state) {
      case 'live':
        this.#skewMs = betterSkew(this.#skewMs, status.clockSkewMs, status.roundTripMs);
        if (this.#lostMs !== undefined) this.listener.mark({ type: 'back' });
        this.#lostMs = undefined;
        this.#reportState();
        return;
      case 'connecting':
        this.#lost(status.attempt, status.cause ?? 'the connection ended');
        // If the server restarted with another token, every attempt fails, and a browser does not report the reason.
        if (status.attempt > 2) void this.#isRefused();
        return;
      case 'stale':
        this.#lost(1, status.cause);
        return;
      case 'closed':
        return;
    }
  }

  #lost(attempt: number, cause: string): void {
    if (this.#isClosed) return;
    if (this.#lostMs === undefined && this.#isSynced) this.listener.mark({ type: 'lost', cause });
    this.#lostMs ??= this.now();
    this.listener.state({ state: 'lost', sinceMs: this.#lostMs, attempt, cause });
  }

  /** Whether the server refuses the token. A browser does not report why a socket was refused, but it reports the status of a request. */
  async #isRefused(): Promise<boolean> {
    try {
      const headers = { authorization: `Bearer ${this.token}` };
      const reply = await fetch(`${httpUrl(this.url)}/records?id=-`, { headers });
      // A server that is shutting down still answers on open connections with another status; the token may be right.
      if (reply.status !== 401) return false;
    } catch {
      return false;
    }
    if (this.#isClosed || this.#client?.status.state === 'live') return false;
    this.listener.state({ state: 'refused' });
    this.close();
    return true;
  }

  #reportState(): void {
    const client = this.#client;
    const status = client?.status;
    if (!client?.server || status?.state !== 'live') return;
    if (!this.#isSynced) {
      this.listener.state({ state: 'loading', records: this.#records });
      return;
    }
    if (this.#resync && this.now() - this.#resync.atMs > NOTICE_MS) this.#resync = undefined;
    const { server: version, epoch, backend } = client.server;
    const server = { version, epoch, backend };
    this.listener.state({
      state: 'live',
      resync: this.#resync,
      roundTripMs: status.roundTripMs,
      skewMs: this.#skewMs,
      unseen: status.health && unseenOf(status.health),
      server,
    });
  }
}

const epochOf = (cursor: string): string => cursor.slice(0, cursor.lastIndexOf(':'));
