import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { RandomBytes } from '../runtime/random.js';
import type { StoreEvent } from '../store/store-event.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import { NoBaseError, type StreamState } from './cold-start.js';
import type { FeedStart } from './broker.js';
import { IDLE, nextEdgeState, type EdgeStreamEvent, type EdgeStreamState } from './edge-stream-state.js';
import { RejectionCounts } from './rejections.js';
import { holdsNext, nextStep, type Following, type StreamPlace } from './stream-place.js';
import { StreamFeed, UnsealedError, type FeedSource, type Positioned } from './stream-feed.js';
import { StreamRebuild } from './stream-rebuild.js';

/** How many events are passed to the sink together, at most. */
const MAX_EVENTS_TOGETHER = 512;
/** How long one turn of the loop may pass events on, so that clients do not wait. */
const TURN_MS = 3;

export interface EdgeSink {
  /** Called at the start and after a gap, with the current records and the known events that led to them. */
  state(state: StreamState, history: readonly StoreEvent[]): void;
  /** Called with what follows, without a gap. */
  events(events: readonly Following[]): void;
  /** Called with the identity of the origin in the stream's messages, when it changes. */
  origin(origin: string): void;
}

export interface EdgeStreamServices extends FeedSource {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: RandomBytes;
  readonly sink: EdgeSink;
  /** How many messages of the stream are read at the start so that clients can resume from older cursors. */
  readonly historyMessages: number;
  /** Asks the origin for a new base. */
  readonly askForBase: () => Promise<void>;
}

/**
 * Follows a stream: builds the state, passes on the events after it, and begins again if a revision is missing. {@link nextEdgeState} says
 * what follows what.
 */
export class EdgeStream {
  #state: EdgeStreamState = IDLE;
  #feed: StreamFeed | undefined;
  #place: StreamPlace | undefined;
  #pending: Following[] = [];
  readonly #turns: TurnLoop;
  /** Counts feeds: what comes of any but the last is for nobody. */
  #feeds = 0;
  #origin = '';
  /** The last logged reason why a message cannot be read, and why the stream is not followed, so that each is logged once. */
  #unreadable = '';
  #failure = '';
  #cancelTimer: () => void = () => undefined;
  #rebuild: StreamRebuild | undefined;
  #first: () => void = () => undefined;
  readonly rejected = new RejectionCounts();
  rebuilds = 0;

  constructor(private readonly services: EdgeStreamServices) {
    this.#turns = new TurnLoop(services.clock, TURN_MS, (turn) => this.#step(turn));
  }

  get state(): EdgeStreamState['at'] {
    return this.#state.at;
  }

  /** Why the stream is not followed; `undefined` while it is, or nothing has failed. */
  get failure(): string | undefined {
    return this.#failure === '' ? undefined : this.#failure;
  }

  /** The sequence of the last message that has been read. */
  get sequence(): number {
    return this.#place?.sequence ?? 0;
  }

  /** Resolves when the first state has been built, or the stream is stopped. Then the stream is followed in the background. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#first = resolve;
      this.#happens({ is: 'started' });
    });
  }

  stop(): void {
    this.#happens({ is: 'stopped' });
  }

  disconnected(): void {
    this.#happens({ is: 'disconnected', random: this.#random() });
  }

  reconnected(): void {
    this.#happens({ is: 'connected' });
  }

  /** Opens the feed again. Called if the origin reports a revision that has not arrived. */
  lookAgain(): void {
    if (this.#state.at === 'following') this.#happens({ is: 'broken', random: this.#random() });
  }

  /** Builds the records again. Called if what was read cannot be what the origin has written. */
  beginAgain(why: string): void {
    const { log } = this.services;
    log.warn({ sequence: this.sequence }, `the stream does not continue from here (${why}); starting again`);
    this.#place = undefined;
    this.#happens({ is: 'broken', random: this.#random() });
    this.#passOn(Infinity);
  }

  // ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #happens(event: EdgeStreamEvent): void {
    const before = this.#state;
    const state = nextEdgeState(before, event);
    if (state === before) return;
    this.#state = state;
    if (before.at !== 'following' || state.at !== 'following') this.#enter(state);
  }

  /** Does what a state asks for. */
  #enter(state: EdgeStreamState): void {
    this.#cancelTimer();
    this.#rebuild?.abandon();
    if (state.at !== 'following') this.#dropFeed();
    switch (state.at) {
      case 'idle':
        return;
      case 'opening':
        void this.#attempt(state, () => this.#continue(state));
        return;
      case 'building':
        void this.#attempt(state, () => this.#build(state));
        return;
      case 'following':
        if (this.#failure !== '') this.services.log.info({ sequence: this.sequence }, 'following the stream');
        this.#failure = '';
        this.#first();
        this.#timer(state.timerMs);
        return;
      case 'waiting':
        this.#timer(state.timerMs);
        return;
      case 'stopped':
        this.#turns.stop();
        this.#first();
        return;
    }
  }

  #timer(delayMs: number): void {
    this.#cancelTimer = this.services.clock.after(delayMs, () => {
      this.#happens({ is: 'timer' });
    });
  }

  #random(): number {
    return this.services.random(1)[0]! / 256;
  }

  /** Each attempt ends in an event: its own, or that it has failed. */
  async #attempt(state: EdgeStreamState, work: () => Promise<void>): Promise<void> {
    const { log, names, askForBase } = this.services;
    try {
      await work();
    } catch (error) {
      if (this.#state !== state) return;
      const { message } = error as Error;
      const isKnown = error instanceof NoBaseError;
      const fields = { stream: names.stream, ...(isKnown ? {} : { err: error }) };
      if (message !== this.#failure) log.warn(fields, `not following the stream yet: ${message}`);
      this.#failure = message;
      if (isKnown) await askForBase();
      if (this.#state === state) this.#happens({ is: 'failed', random: this.#random() });
    }
  }

  async #continue(opening: EdgeStreamState): Promise<void> {
    const place = this.#place;
    const { broker, names } = this.services;
    const info = place && (await broker.findStream(names.stream));
    if (this.#state !== opening) return;
    if (!place || !info || !holdsNext(info, place)) {
      this.#happens({ is: 'discontinued' });
      return;
    }
    await this.#openFeed({ from: place.sequence + 1 }, (positioned) => {
      this.#follow(positioned);
    });
    if (this.#state === opening) this.#happens({ is: 'opened' });
  }

  async #build(building: EdgeStreamState): Promise<void> {
    const rebuild = new StreamRebuild(this.services);
    this.#rebuild = rebuild;
    this.#pending = [];
    const { created, state, history } = await rebuild.run((take) =>
      this.#openFeed('last-per-subject', (positioned) => {
        if (this.#state.at === 'following') this.#follow(positioned);
        else take(positioned);
      }),
    );
    if (this.#state !== building) return;
    this.rebuilds++;
    this.#noteOrigin(state.origin);
    this.services.sink.state(state, history);
    this.#place = { epoch: state.epoch, created, revision: state.revision, sequence: state.sequence };
    this.#happens({ is: 'built' });
    for (const positioned of rebuild.later) this.#follow(positioned);
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #openFeed(start: FeedStart, take: (positioned: Positioned) => void): Promise<void> {
    const { names, log } = this.services;
    const number = ++this.#feeds;
    // One that was given up while it was being opened may still be sent something.
    const isThis = (): boolean => number === this.#feeds;
    const feed = await StreamFeed.open(this.services, start, {
      message: (positioned) => {
        if (isThis()) take(positioned);
      },
      unreadable: (error) => {
        const { message } = error;
        this.rejected.add(error instanceof UnsealedError ? 'unsigned' : 'unreadable');
        if (message !== this.#unreadable) log.error({ stream: names.stream }, message);
        this.#unreadable = message;
      },
      broken: (error) => {
        if (!isThis()) return;
        log.warn({ err: error }, error.message);
        this.#happens({ is: 'broken', random: this.#random() });
      },
    });
    if (isThis()) this.#feed = feed;
    else feed.close();
  }

  #dropFeed(): void {
    this.#feeds++;
    this.#feed?.close();
    this.#feed = undefined;
  }

  #follow({ sequence, message }: Positioned): void {
    const place = this.#place;
    if (!place || (this.#state.at !== 'following' && this.#state.at !== 'opening')) return;
    if (message) {
      this.#noteOrigin(message.origin);
      const step = nextStep(place, message);
      switch (step.is) {
        case 'next':
          place.revision = step.message.position;
          this.#pending.push(step.message);
          this.#turns.request();
          break;
        case 'repeated':
          this.rejected.add('repeated');
          break;
        case 'gap':
        case 'new-base':
          if (step.is === 'gap') this.rejected.add('gap');
          this.beginAgain(step.why);
          return;
        case 'nothing':
      }
    }
    place.sequence = sequence;
  }

  /** @returns whether more events wait to be passed on. */
  #step(turn: Turn): boolean {
    if (this.#state.at === 'stopped') return false;
    try {
      do this.#passOn(MAX_EVENTS_TOGETHER);
      while (this.#pending.length > 0 && !turn.isSpent());
    } catch (error) {
      // Those after it cannot be applied either.
      this.#pending = [];
      this.beginAgain(`an event cannot be applied: ${(error as Error).message}`);
      return false;
    }
    return this.#pending.length > 0;
  }

  #passOn(most: number): void {
    const events = this.#pending.length <= most ? this.#pending : this.#pending.slice(0, most);
    this.#pending = this.#pending.length <= most ? [] : this.#pending.slice(most);
    if (events.length > 0) this.services.sink.events(events);
  }

  #noteOrigin(origin: string): void {
    if (origin === this.#origin) return;
    this.#origin = origin;
    this.services.sink.origin(origin);
  }
}
