import type { Revision } from '../../protocol/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { StoreEvent } from '../store/store-event.js';
import { TurnLoop, type Turn } from '../runtime/turn-loop.js';
import { findBase, NoBaseError, readHistory, StateBuilder, type StreamState } from './cold-start.js';
import type { Broker, FeedStart } from './broker.js';
import type { EventMessage, Stamp } from './relay-message.js';
import type { RelayNames } from './relay-names.js';
import { StreamFeed, type Positioned } from './stream-feed.js';

/** How many events are passed to the sink together, at most. */
const MAX_EVENTS_TOGETHER = 512;
/** How long one turn of the loop may pass events on, so that clients do not wait. */
const TURN_MS = 3;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1_000;

export interface EdgeSink {
  /** Called at the start and after a gap, with the current records and the known events that led to them. */
  state(state: StreamState, history: readonly StoreEvent[]): void;
  /** Called with the events after that, without a gap. */
  events(events: readonly (Stamp & EventMessage)[]): void;
  /** Called with the identity of the origin in the stream's messages, when it changes. */
  origin(origin: string): void;
}

export interface EdgeStreamServices {
  readonly broker: Broker;
  readonly names: RelayNames;
  readonly clock: Clock;
  readonly log: Log;
  readonly sink: EdgeSink;
  /** How many messages of the stream are read at the start so that clients can resume from older cursors. */
  readonly historyMessages: number;
  /** Asks the origin for a new base. */
  readonly askForBase: () => Promise<void>;
}

interface Place {
  readonly epoch: string;
  revision: Revision;
  sequence: number;
}

type Phase =
  | { readonly at: 'idle' }
  /** The records are being built. Messages after them wait in `later`. */
  | { readonly at: 'building'; readonly builder: StateBuilder; isBuilt: boolean; readonly later: Positioned[] }
  | { readonly at: 'following' }
  | { readonly at: 'stopped' };

/** Follows a stream: builds the state, passes on the events after it, and begins again if a revision is missing. */
export class EdgeStream {
  #phase: Phase = { at: 'idle' };
  #feed: StreamFeed | undefined;
  #place: Place | undefined;
  #pending: (Stamp & EventMessage)[] = [];
  readonly #turns: TurnLoop;
  #isOpening = false;
  /** Counts feeds: what comes of any but the last is for nobody. */
  #feeds = 0;
  #origin = '';
  /** The last logged reason why a message cannot be read, so that it is logged once. */
  #unreadable = '';
  #failBuilding: (error: Error) => void = () => undefined;
  rebuilds = 0;

  constructor(private readonly services: EdgeStreamServices) {
    this.#turns = new TurnLoop(services.clock, TURN_MS, (turn) => this.#step(turn));
  }

  get isFollowing(): boolean {
    return this.#phase.at === 'following';
  }

  /** The sequence of the last message that has been read. */
  get sequence(): number {
    return this.#place?.sequence ?? 0;
  }

  /** Resolves when the first state has been built. Then the stream is followed in the background. */
  async start(): Promise<void> {
    await this.#open();
  }

  stop(): void {
    this.#phase = { at: 'stopped' };
    this.#turns.stop();
    this.#feed?.close();
  }

  disconnected(): void {
    this.#feed?.close();
    this.#failBuilding(new Error('the connection broke'));
  }

  reconnected(): void {
    void this.#open();
  }

  /** Opens the feed again. Called if the origin reports a revision that has not arrived. */
  lookAgain(): void {
    if (this.isFollowing) void this.#open();
  }

  get #isStopped(): boolean {
    return this.#phase.at === 'stopped';
  }

  /** Opens a feed after the last message that was read, or begins again. Tries until it succeeds. */
  async #open(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const { clock, log, names } = this.services;
    let lastMessage = '';
    for (let pause = FIRST_PAUSE_MS; !this.#isStopped; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
      try {
        this.#feed?.close();
        if (!(await this.#continueFeed())) await this.#rebuild();
        // What came meanwhile may not continue from there.
        if (this.isFollowing) break;
      } catch (error) {
        const { message } = error as Error;
        if (message !== lastMessage) {
          const isKnown = error instanceof NoBaseError;
          log.warn(
            { stream: names.stream, ...(isKnown ? {} : { err: error }) },
            `not following the stream yet: ${message}`,
          );
        }
        lastMessage = message;
        if (error instanceof NoBaseError) await this.services.askForBase();
        await new Promise<void>((resolve) => clock.after(pause, resolve));
      }
    }
    this.#isOpening = false;
    if (lastMessage !== '' && this.isFollowing) log.info({ sequence: this.sequence }, 'following the stream');
  }

  /** @returns whether the stream still holds the next message. */
  async #continueFeed(): Promise<boolean> {
    const place = this.#place;
    if (!place) return false;
    const { broker, names } = this.services;
    const info = await broker.findStream(names.stream);
    if (!info || info.lastSequence < place.sequence || info.firstSequence > place.sequence + 1) return false;
    this.#phase = { at: 'following' };
    await this.#feedFrom({ from: place.sequence + 1 });
    return true;
  }

  async #rebuild(): Promise<void> {
    const { broker, names, sink, historyMessages } = this.services;
    const phase: Phase = {
      at: 'building',
      builder: new StateBuilder(await findBase(broker, names)),
      isBuilt: false,
      later: [],
    };
    this.#phase = phase;
    this.#pending = [];
    await new Promise<void>((resolve, reject) => {
      this.#failBuilding = reject;
      this.#feedFrom('last-per-subject', {
        built: resolve,
        failed: reject,
      }).catch(reject);
    });
    const state = phase.builder.build();
    const history = await readHistory(broker, names, state, historyMessages);
    if (this.#phase !== phase) throw new Error('interrupted');
    this.rebuilds++;
    this.#place = { epoch: state.epoch, revision: state.revision, sequence: state.sequence };
    this.#phase = { at: 'following' };
    this.#noteOrigin(state.origin);
    sink.state(state, history);
    for (const positioned of phase.later) this.#follow(positioned);
  }

  async #feedFrom(
    start: FeedStart,
    building?: { readonly built: () => void; readonly failed: (error: Error) => void },
  ): Promise<void> {
    const { broker, names, log } = this.services;
    const number = ++this.#feeds;
    // One that was given up while it was being opened may still be sent something.
    const isThis = (): boolean => number === this.#feeds;
    let broken: Error | undefined;
    const feed = await StreamFeed.open(broker, names, start, {
      message: (positioned) => {
        if (isThis()) this.#take(positioned, building);
      },
      unreadable: ({ message }) => {
        if (message !== this.#unreadable) log.error({ stream: names.stream }, message);
        this.#unreadable = message;
      },
      broken: (error) => {
        if (!isThis()) return;
        broken = error;
        log.warn({ err: error }, error.message);
        building?.failed(error);
        // The records may be there, and their history be read: nothing would follow them.
        if (this.#phase.at === 'building') this.#phase = { at: 'idle' };
        if (this.isFollowing) void this.#open();
      },
    });
    if (!isThis() || this.#isStopped) {
      feed.close();
      return;
    }
    this.#feed = feed;
    // Nobody heard of that who is opening it.
    if (broken) throw broken;
  }

  #take(
    positioned: Positioned,
    building?: { readonly built: () => void; readonly failed: (error: Error) => void },
  ): void {
    const phase = this.#phase;
    if (phase.at === 'following') this.#follow(positioned);
    if (phase.at !== 'building') return;
    if (phase.isBuilt) {
      phase.later.push(positioned);
      return;
    }
    phase.builder.take(positioned);
    if (positioned.pending > 0) return;
    phase.isBuilt = true;
    building?.built();
  }

  #follow({ sequence, message }: Positioned): void {
    const place = this.#place!;
    if (this.#phase.at !== 'following') return;
    if (!message) {
      place.sequence = sequence;
      return;
    }
    this.#noteOrigin(message.origin);
    const isOn = message.epoch === place.epoch;
    if (message.is === 'event') {
      if (isOn && message.position <= place.revision) {
        place.sequence = sequence;
        return;
      }
      if (!isOn || message.position !== place.revision + 1) {
        this.#beginAgain(`revision ${String(message.position)} follows ${String(place.revision)}`);
        return;
      }
      place.revision = message.position;
      this.#pending.push(message);
      this.#turns.request();
    } else if (message.is === 'base' && !(isOn && message.position <= place.revision)) {
      this.#beginAgain(
        message.phase === 'begin' ? `the origin begins again: ${message.why}` : 'the origin has begun again',
      );
      return;
    }
    place.sequence = sequence;
  }

  #beginAgain(why: string): void {
    this.services.log.warn(
      { sequence: this.sequence },
      `the stream does not continue from here (${why}); beginning again`,
    );
    this.#passOn(Infinity);
    this.#place = undefined;
    this.#phase = { at: 'idle' };
    this.#feed?.close();
    void this.#open();
  }

  /** @returns whether more events wait to be passed on. */
  #step(turn: Turn): boolean {
    if (this.#isStopped) return false;
    try {
      do this.#passOn(MAX_EVENTS_TOGETHER);
      while (this.#pending.length > 0 && !turn.isSpent());
    } catch (error) {
      this.#beginAgain(`an event cannot be applied: ${(error as Error).message}`);
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
