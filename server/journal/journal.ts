import type { Epoch } from '../../protocol/index.js';
import type { History } from '../store/history.js';
import type { RecordStore } from '../store/record-store.js';
import type { StoreEvent } from '../store/store-event.js';
import { BatchTimer } from './batch-timer.js';
import { JournalFiles, type JournalFileServices, type WrittenTable } from './journal-files.js';
import { BATCH, JournalWriter, type Retention } from './journal-writer.js';
import type { Recovered } from './recovery.js';

/** The number of events that may wait for the disk before the disk counts as failed. */
const MAX_PENDING = 100_000;
/** The pause between attempts to become durable again: it doubles from the first value to the last. */
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 60_000;
/** A stop waits for the disk at most this long. */
const CLOSE_PATIENCE_MS = 3_000;

/** `durable`: published events are on the disk, or will be soon. `degraded`: they are not, and the server goes on without. */
export type JournalHealth = 'durable' | 'degraded' | 'off';

/**
 * Whether a later run may use the revisions of a turn again. `uncovered`: it may, because the journal can be neither kept nor removed. They
 * must not be sent in this epoch.
 */
export type Coverage = 'covered' | 'uncovered';

/** The stream that the journal writes to disk. */
export interface JournalSource {
  readonly epoch: Epoch;
  readonly store: RecordStore;
  readonly history: History;
}

export interface JournalServices extends JournalFileServices {
  readonly retention: Retention;
}

type Phase =
  | { readonly at: 'idle' }
  /** All records and events are being written into a new table. */
  | { readonly at: 'rewriting' }
  | ({ readonly at: 'writing' } & WrittenTable)
  /** Writing has failed; the next attempt begins after a pause. */
  | { readonly at: 'waiting'; readonly cancel: () => void }
  | { readonly at: 'closed' };

/**
 * Records and history on disk, off the hot path. {@link advanceTo} sets the mark before a turn's events are sent, and
 * {@link append} takes the events after they were sent. Another thread writes batches. A failure here is logged and costs
 * durability, but no event.
 */
export class Journal {
  readonly #files: JournalFiles;
  #phase: Phase = { at: 'idle' };
  #source: JournalSource | undefined;
  #epoch: Epoch | undefined;
  /** Events that are not in the table yet. */
  #pending: StoreEvent[] = [];
  readonly #batchTimer: BatchTimer;
  /** The batch or the rewriting that is running. */
  #work: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  /** Resolves when the journal is closed; `undefined` before {@link close}. */
  #closed: Promise<void> | undefined;

  constructor(private readonly services: JournalServices) {
    this.#files = new JournalFiles(services);
    this.#batchTimer = new BatchTimer(services.clock, () => {
      this.#work = this.#writeBatch();
    });
  }

  get health(): JournalHealth {
    switch (this.#phase.at) {
      case 'rewriting':
      case 'writing':
        return this.#retryMs === FIRST_RETRY_MS ? 'durable' : 'degraded';
      case 'waiting':
        return 'degraded';
      case 'idle':
      case 'closed':
        return 'off';
    }
  }

  /** Reads the journal of an earlier run. @returns `undefined` if a new epoch begins. */
  async recover(): Promise<Recovered | undefined> {
    const found = await this.#files.recover();
    if (found.is === 'nothing') return undefined;
    this.#epoch = found.recovered.epoch;
    if (found.is === 'whole') {
      const { table, contents, file } = found;
      this.#phase = { at: 'writing', writer: JournalWriter.adopt(table, contents, this.services.retention), file };
    }
    return found.recovered;
  }

  /** Starts to write events. @param since the events since {@link recover}. @returns as {@link advanceTo} */
  begin(source: JournalSource, since: readonly StoreEvent[]): Coverage {
    this.follow(source);
    if (this.#phase.at !== 'writing') this.#work = this.#rewrite();
    const coverage = this.advanceTo(since);
    if (this.#phase.at === 'writing') this.append(since);
    return coverage;
  }

  /** Writes another stream from now on: a new epoch, after events of the last one were `uncovered`. */
  follow(source: JournalSource): void {
    this.#source = source;
    this.#epoch = source.epoch;
  }

  /** To be called before one turn's events are sent. Few calls write the mark, with a system call that does not wait for the disk. */
  advanceTo(events: readonly StoreEvent[]): Coverage {
    const last = events.at(-1);
    if (last === undefined) return 'covered';
    const epoch = this.#epoch!;
    try {
      this.#files.advanceMark(epoch, last.revision);
    } catch (error) {
      this.#degrade(error);
    }
    return this.#files.covers(epoch) ? 'covered' : 'uncovered';
  }

  /** Takes one turn's events. To be called after they were sent. */
  append(events: readonly StoreEvent[]): void {
    const phase = this.#phase;
    if (events.length === 0 || (phase.at !== 'writing' && phase.at !== 'rewriting')) return;
    for (const event of events) this.#pending.push(event);
    if (this.#pending.length > MAX_PENDING) {
      this.#degrade(new Error('the disk does not keep up'));
    } else if (phase.at === 'writing') {
      // Encoded one turn at a time, so that the turn that writes the batch is short.
      if (this.#pending.length <= BATCH) for (const event of events) phase.writer.prepare(event);
      this.#gather();
    }
  }

  /** Writes the pending events and seals the table, if the disk takes no longer than three seconds. */
  close(): Promise<void> {
    // Two that finish at once would each write the last batch.
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const { clock, log } = this.services;
    if (this.#phase.at === 'waiting') this.#phase.cancel();
    this.#batchTimer.stop();
    let cancel: () => void = () => undefined;
    const patience = new Promise<Error>((resolve) => {
      cancel = clock.after(CLOSE_PATIENCE_MS, () => resolve(new Error('the disk is too slow')));
    });
    const failure = await Promise.race([this.#finish().catch((error: unknown) => error as Error), patience]);
    cancel();
    if (failure) log.error({ err: failure }, 'the journal could not be closed in order');
    // What failed while this waited has begun another wait, after which it would write into a closed journal.
    if (this.#phase.at === 'waiting') this.#phase.cancel();
    this.#phase = { at: 'closed' };
    this.#files.close();
  }

  // ── writing everything ────────────────────────────────────────────────────────────────────────────────────────────

  async #rewrite(): Promise<void> {
    const { epoch, store, history } = this.#source!;
    const phase: Phase = { at: 'rewriting' };
    this.#phase = phase;
    // Later events wait here until the new table is written.
    this.#pending = [];
    const { base, gaps } = history;
    const events = [...history.events()];
    const whole = { epoch, base, cut: store.cut(), leases: store.leases, events, gaps: [...gaps] };
    try {
      this.#enterWriting(await this.#files.writeNewTable(whole, this.services.retention, () => this.#phase === phase));
    } catch (error) {
      if (this.#phase === phase) this.#degrade(error);
    }
  }

  #enterWriting(table: WrittenTable): void {
    if (this.#retryMs !== FIRST_RETRY_MS)
      this.services.log.info({ revision: table.writer.newest }, 'the journal is durable again');
    this.#retryMs = FIRST_RETRY_MS;
    this.#phase = { at: 'writing', ...table };
    this.#work = undefined;
    if (this.#pending.length > 0) this.#gather();
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #gather(): void {
    if (!this.#work) this.#batchTimer.join(this.#pending.length >= BATCH);
  }

  async #writeBatch(): Promise<void> {
    const phase = this.#phase;
    if (phase.at !== 'writing') return;
    try {
      if (!this.#files.hasTable(phase.file)) throw new Error('the files of the journal were removed');
      await phase.writer.write(this.#pending.splice(0, BATCH), this.services.clock.now());
      if (this.#phase === phase && this.#pending.length === 0) this.#files.setMark(phase.writer.newest);
    } catch (error) {
      if (this.#phase === phase) this.#degrade(error);
    }
    if (this.#phase !== phase) return;
    this.#work = undefined;
    if (this.#pending.length > 0) this.#gather();
  }

  async #finish(): Promise<void> {
    // A rewriting that was given up leaves its promise in `#work`. Such a promise is awaited only once.
    for (let work = this.#work; work; work = this.#work === work ? undefined : this.#work) await work;
    this.#batchTimer.stop();
    while (this.#phase.at === 'writing' && this.#pending.length > 0) {
      await this.#writeBatch();
      // One batch at a time: this loop writes the next one, and not the timer.
      this.#batchTimer.stop();
    }
    if (this.#phase.at !== 'writing') return;
    const phase = this.#phase;
    await phase.writer.close();
    // A stop that no longer waits may have released the repository meanwhile.
    if (this.#phase === phase) this.#files.seal(this.#epoch!, phase);
  }

  // ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Stops writing, and tries to write everything into a new table after a pause. */
  #degrade(error: unknown): void {
    const phase = this.#phase;
    if (phase.at === 'waiting' || phase.at === 'closed') return;
    const { log, clock } = this.services;
    const isFirstFailure = this.#retryMs === FIRST_RETRY_MS;
    if (isFirstFailure)
      log.error({ err: error }, 'the journal cannot be written: events are not kept for a restart until it can be');
    this.#pending = [];
    this.#batchTimer.stop();
    if (phase.at === 'writing') phase.writer.close().catch(() => undefined);
    const cancel = clock.after(this.#retryMs, () => {
      this.#work = this.#rewrite();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
    this.#phase = { at: 'waiting', cancel };
    this.#work = undefined;
  }
}
