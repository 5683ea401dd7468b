import type { Segment } from '../model/history.js';
import { EventRecorder, surplus, type KeptLimits, type PieceFacts } from '../model/kept-events.js';
import type { ReadLine } from '../model/ndjson.js';
import { CaptureCipher, type SealedPiece } from './capture-cipher.js';
import { CaptureDatabase } from './capture-database.js';
import type { KeptState } from './paint.js';
import { CAPTURE_BYTES } from './view-model.js';

/** As much as the capture in memory, and nothing older than a day. */
const LIMITS: KeptLimits = { maxBytes: CAPTURE_BYTES, maxAgeMs: 86_400_000 };
/** How long an event waits until it is stored, together with those that come meanwhile. */
const WRITE_MS = 1_000;
const LOCK = 'muse-bus.capture';

/**
 * The live capture in the browser's storage, so that it outlives a reload of the page. It belongs to one token and one epoch, and one tab at a
 * time writes it. Nothing else depends on it: where the browser refuses, the page goes on without.
 */
export class KeptCapture {
  #state: KeptState = { at: 'opening' };
  #recorder = new EventRecorder();
  #epoch: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #opened: Promise<{ readonly cipher: CaptureCipher; readonly database: CaptureDatabase } | undefined>;
  readonly #closing = new AbortController();

  constructor(
    url: string,
    token: string,
    private readonly now: () => number,
    private readonly changed: () => void,
  ) {
    this.#opened = this.#open(url, token).catch((error: unknown) => this.#lose(wordsOf(error)));
  }

  /** Removes what is stored, because there is no token any more. */
  static async forget(): Promise<void> {
    // Where nothing can be stored, nothing is.
    const database = await CaptureDatabase.open().catch(() => undefined);
    await database?.clear(() => true).catch(() => undefined);
    database?.close();
  }

  get state(): KeptState {
    return this.#state;
  }

  /** Returns what is stored of an epoch. */
  async read(epoch: string): Promise<Segment[]> {
    const opened = await this.#opened;
    if (!opened) return [];
    const { cipher, database } = opened;
    try {
      const pieces = await database.read({ token: cipher.owner, epoch });
      const segments = await Promise.all(pieces.map((piece) => cipher.unseal(piece, epoch)));
      const oldestMs = this.now() - LIMITS.maxAgeMs;
      return segments.filter(({ events }) => (events.at(-1)?.atMs ?? 0) >= oldestMs);
    } catch (error) {
      this.#lose(`what was stored cannot be read (${wordsOf(error)})`);
      return [];
    }
  }

  add(event: ReadLine, epoch: string): void {
    if (epoch !== this.#epoch) this.#recorder = new EventRecorder();
    this.#epoch = epoch;
    this.#recorder.add(event);
    this.#schedule();
  }

  /** Adds what the bus still had between the stored events and the live ones. */
  bridge(segment: Segment, epoch: string): void {
    if (this.#epoch !== undefined && epoch !== this.#epoch) return;
    this.#epoch = epoch;
    this.#recorder.bridge(segment);
    this.#schedule();
  }

  /** Stops writing. `forget` removes what is stored too: the server has refused the token. */
  async close({ forget }: { readonly forget: boolean }): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    const opened = await this.#opened;
    if (!opened) return;
    const { cipher, database } = opened;
    if (forget) await database.clear(({ token }) => token === cipher.owner).catch(() => undefined);
    database.close();
  }

  async #open(url: string, token: string) {
    const cipher = await CaptureCipher.of(url, token);
    const database = await CaptureDatabase.open();
    await database.clear(({ token }) => token !== cipher.owner);
    this.#become({ at: 'elsewhere' });
    void this.#waitForTurn();
    return { cipher, database };
  }

  /** Writes as soon as no other tab does, until this one is closed. */
  async #waitForTurn(): Promise<void> {
    const { signal } = this.#closing;
    const untilClosed = () =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
        if (this.#state.at === 'elsewhere') this.#become({ at: 'kept' });
        this.#schedule();
      });
    await navigator.locks.request(LOCK, { signal }, untilClosed).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#state.at !== 'kept' || this.#timer !== undefined || this.#closing.signal.aborted) return;
    if (this.#recorder.hasNews) this.#timer = setTimeout(() => void this.#write(), WRITE_MS);
  }

  async #write(): Promise<void> {
    const opened = await this.#opened;
    const epoch = this.#epoch;
    if (!opened || epoch === undefined) return;
    const { cipher, database } = opened;
    const segments = this.#recorder.take();
    try {
      const pieces = await Promise.all(
        segments.map(async (segment) => {
          const piece = await cipher.seal(segment, epoch);
          return [piece, factsOf(segment, piece)] as const;
        }),
      );
      // A later capture of this tab may belong to another server, and has removed what was stored.
      if (this.#closing.signal.aborted) return;
      const isOurs = await database.write({ token: cipher.owner, epoch }, pieces, (facts) =>
        surplus(facts, this.now(), LIMITS),
      );
      if (!isOurs) this.#lose('another tab of this page shows another bus');
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#lose(wordsOf(error));
    }
    this.#timer = undefined;
    this.#schedule();
  }

  #lose(why: string): undefined {
    this.#become({ at: 'lost', why });
  }

  #become(state: KeptState): void {
    this.#state = state;
    this.changed();
  }
}

function factsOf({ after, to, events }: Segment, { nonce, sealed }: SealedPiece): PieceFacts {
  return { after, to, atMs: events.at(-1)?.atMs ?? 0, bytes: nonce.byteLength + sealed.byteLength };
}

const wordsOf = (error: unknown): string =>
  error instanceof DOMException
    ? `the browser refuses to store it (${error.name})`
    : error instanceof Error
      ? error.message
      : String(error);
